/** Where a line of an agent comes from; null if both streams share a log. */
export type Stream = 'stdout' | 'stderr' | null;

export interface LogLine {
  stream: Stream;
  line: string;
}

/** `2026-11-29T10:22:31.5Z`, `2026-11-29 10:22:31,512 +0100`, `2026/11/29 10:22:31`, each also in brackets. */
const TIME =
  /^\[?(\d{4})[-/](\d\d)[-/](\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(?: ?(Z|[+-]\d\d:?\d\d))?(?=\D|$)/;

/** The time at the beginning of a line, in milliseconds since 1970; null if there is none. Without a zone it is local. */
export function timeOf(line: string): number | null {
  const [, year, month, day, clock, fraction = '0', zone = ''] = TIME.exec(line) ?? [];
  if (clock === undefined) return null;
  const ms = fraction.slice(0, 3).padEnd(3, '0');
  const offset = zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2');
  const time = Date.parse(`${year}-${month}-${day}T${clock}.${ms}${offset}`);
  return Number.isNaN(time) ? null : time;
}

/**
 * Puts lines of both streams that were written at about the same time in order: by the times that they begin with, if
 * both streams have such; a line without one belongs to the line before it. Otherwise all of stdout comes first.
 * @returns the lines, and whether their order is known
 */
export function inOrder(
  stdout: readonly string[],
  stderr: readonly string[],
): { lines: LogLine[]; isKnown: boolean } {
  const both = [...dated('stdout', stdout), ...dated('stderr', stderr)];
  const isKnown =
    stdout.length === 0 ||
    stderr.length === 0 ||
    (timeOf(stdout[0]!) !== null && timeOf(stderr[0]!) !== null);
  if (isKnown) both.sort((a, b) => a.time - b.time);
  return { lines: both.map(({ stream, line }) => ({ stream, line })), isKnown };
}

function dated(stream: Stream, lines: readonly string[]): (LogLine & { time: number })[] {
  let time = 0;
  return lines.map((line) => {
    // Never back within a stream: its own order is known, whatever its clock says.
    time = Math.max(time, timeOf(line) ?? time);
    return { stream, line, time };
  });
}
