/** Somebody else's count of a fleet's agents beside our own. */
export interface VerifyResult {
  /** What the source says; null where it could not be read. */
  counted: number | null;
  running: number;
  /** Far fewer are counted than run, for several looks in a row. */
  isDegraded: boolean;
  /** Why, in words; why the source could not be read. */
  reason: string | null;
  /** Looks in a row that spoke against `isDegraded` as it stands. */
  against: number;
}

/** What a look at the source gave. */
export type CountAnswer = { counted: number } | { error: string };

/** So many looks in a row must say otherwise, so that a restart or a slow registration raises no alarm. */
const LOOKS = 3;

/**
 * Judges somebody else's count, with hysteresis. A source that cannot be read proves nothing: the judgement stays.
 * @param running agents that are ready, and so must be counted
 * @param atLeastPercent the share of them that must be
 */
export function judgeVerified(
  before: VerifyResult | null,
  look: CountAnswer,
  running: number,
  atLeastPercent: number,
): VerifyResult {
  const isDegraded = before?.isDegraded ?? false;
  if ('error' in look) {
    return { counted: null, running, isDegraded, reason: look.error, against: before?.against ?? 0 };
  }
  const { counted } = look;
  const isLow = counted < (atLeastPercent / 100) * running;
  const against = isLow === isDegraded ? 0 : (before?.against ?? 0) + 1;
  const turned = against >= LOOKS;
  const reason = isLow ? `${counted} online of ${running} running, below ${atLeastPercent} %` : null;
  return {
    counted,
    running,
    isDegraded: turned ? isLow : isDegraded,
    reason,
    against: turned ? 0 : against,
  };
}
