/** The external count of a fleet's agents, compared with our own. */
export interface VerifyResult {
  /** The count of the source; null if it could not be read. */
  counted: number | null;
  running: number;
  /** Several counts in a row were far too low. */
  isDegraded: boolean;
  /** Why it is degraded, or why the source could not be read. */
  reason: string | null;
  /** The number of consecutive counts that contradict `isDegraded`. */
  against: number;
}

/** The answer of the source. */
export type CountAnswer = { counted: number } | { error: string };

/** The number of consecutive counts that change the judgement, so that a restart or slow registration raises no alarm. */
const COUNTS_TO_CHANGE = 3;

/**
 * Judges the external count, with hysteresis. A source that cannot be read proves nothing, so the judgement stays.
 * @param running the number of ready agents, which must be counted
 * @param atLeastPercent the share of them that must be
 */
export function judgeVerified(
  before: VerifyResult | null,
  answer: CountAnswer,
  running: number,
  atLeastPercent: number,
): VerifyResult {
  const isDegraded = before?.isDegraded ?? false;
  if ('error' in answer) {
    return { counted: null, running, isDegraded, reason: answer.error, against: before?.against ?? 0 };
  }
  const { counted } = answer;
  const isLow = counted < (atLeastPercent / 100) * running;
  const against = isLow === isDegraded ? 0 : (before?.against ?? 0) + 1;
  const turned = against >= COUNTS_TO_CHANGE;
  const reason = isLow ? `${counted} counted of ${running} ready, below ${atLeastPercent} %` : null;
  return {
    counted,
    running,
    isDegraded: turned ? isLow : isDegraded,
    reason,
    against: turned ? 0 : against,
  };
}
