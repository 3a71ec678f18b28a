import { type AlertsRecord, CONDITIONS, type Condition, type Notice } from '../fleet/alerts.ts';

/** What is seen of one condition now. Null: it cannot be told yet, so nothing changes. */
export type Sight =
  | { holds: true; reason: string; sample?: string | null; since?: string }
  | { holds: false; reason: string }
  | null;

/** What is seen of all conditions of a fleet. */
export type Sights = Readonly<Record<Condition, Sight>>;

/** The circumstances of a look at a fleet. */
export interface Circumstances {
  /** ISO 8601. */
  at: string;
  /** Maintenance: no alarm is raised. */
  isSilenced: boolean;
  /** The oldest notice is being sent. */
  isSending: boolean;
}

export const NO_ALERTS: AlertsRecord = { open: [], unsent: [] };

/** More notices wait only if conditions begin and end again and again while the receiver does not answer. */
export const UNSENT_MAX = 20;
/** Bounds of a notice's texts: all of it must fit into one environment variable, 131,071 bytes (execve(2)). */
const CHARS_MAX = { reason: 2_000, sample: 4_000 } as const;

/**
 * Decides what the receiver is to be told: one begin and one end for each time that a condition holds. During maintenance,
 * a condition that begins is not told, nor is a begin that still waits; it is told afterwards if the condition still
 * holds. An end is told also then, because it raises no alarm.
 * @returns the new record; the same object if nothing has changed
 */
export function noteConditions(
  before: AlertsRecord,
  seen: Sights,
  { at, isSilenced, isSending }: Circumstances,
): AlertsRecord {
  const waiting = isSilenced ? withdrawBegins(before, isSending) : before;
  const { open, unsent } = waiting;
  const begun: Notice[] = [];
  const ended: Notice[] = [];
  for (const condition of CONDITIONS) {
    const sight = seen[condition];
    if (sight === null || sight.holds === open.includes(condition)) continue;
    const reason = sight.reason.slice(0, CHARS_MAX.reason);
    if (!sight.holds) ended.push({ condition, state: 'end', reason, sample: null, at });
    else if (!isSilenced) {
      const sample = sight.sample?.slice(-CHARS_MAX.sample) ?? null;
      begun.push({ condition, state: 'begin', reason, sample, at: sight.since ?? at });
    }
  }
  if (begun.length + ended.length === 0) return waiting;
  const over = new Set(ended.map(({ condition }) => condition));
  return {
    open: [...open.filter((condition) => !over.has(condition)), ...begun.map(({ condition }) => condition)],
    unsent: bounded([...unsent, ...ended, ...begun], isSending),
  };
}

/** The oldest notice has been sent or given up. */
export function withoutOldest({ open, unsent }: AlertsRecord): AlertsRecord {
  return { open, unsent: unsent.slice(1) };
}

/** The pause after an attempt that failed, in milliseconds; null if it was the last. @param attempts those made, 1 or more */
export function retryAfterMs(attempts: number): number | null {
  return attempts >= ATTEMPTS_MAX ? null : FIRST_PAUSE_MS * 3 ** (attempts - 1);
}

/** Five attempts within about three and a half minutes. */
export const ATTEMPTS_MAX = 5;
const FIRST_PAUSE_MS = 5_000;

/** Takes back begins that nobody was told yet; with its end, if that waits as well. */
function withdrawBegins(before: AlertsRecord, isSending: boolean): AlertsRecord {
  let { open, unsent } = before;
  for (let at = isSending ? 1 : 0; at < unsent.length; at++) {
    const { condition, state } = unsent[at]!;
    if (state !== 'begin') continue;
    const end = unsent.findIndex((notice, i) => i > at && notice.condition === condition);
    if (end < 0) open = open.filter((each) => each !== condition);
    unsent = unsent.filter((_, i) => i !== at && i !== end);
    at--;
  }
  return unsent === before.unsent ? before : { open, unsent };
}

/**
 * Drops the oldest begin with its end, of which the receiver then knows neither, until no more than UNSENT_MAX are left.
 * The notices of a condition alternate, so among more than two for each there is such a pair beside the one being sent.
 */
function bounded(unsent: readonly Notice[], isSending: boolean): Notice[] {
  let kept = [...unsent];
  while (kept.length > UNSENT_MAX) {
    const begin = kept.findIndex(
      ({ condition, state }, i) =>
        (i > 0 || !isSending) &&
        state === 'begin' &&
        kept.slice(i + 1).some((n) => n.condition === condition),
    );
    const end = kept.findIndex((n, i) => i > begin && n.condition === kept[begin]!.condition);
    kept = kept.filter((_, i) => i !== begin && i !== end);
  }
  return kept;
}
