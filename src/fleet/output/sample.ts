/*
 * Chooses from the output of an agent that failed the lines that say why. The last lines alone often do not: a stack trace
 * follows the message in Node, Go and Java, and precedes it in Python.
 */

/** The bounds of a sample: it is stored in records, events and answers. */
const LINES_MAX = 10;
const CHARACTERS_MAX = 1_000;
const LINE_CHARACTERS_MAX = 300;
/** Lines this near to the end weigh more: what ended the agent came last. */
const NEAR_END = 60;
/** How many lines with a cause are chosen before what is around them. */
const CAUSES_MAX = 5;
const GAP = '…';

/** A cause by its name: an exception with its message, a signal's word, an errno and what strerror(3) says of it. */
const CAUSE = new RegExp(
  [
    String.raw`^\s*(?:Caused by:|Suppressed:|Exception in thread|Uncaught|Unhandled|Fatal|panic:)`,
    String.raw`^\s*(?:\[?[\w.$]+[.:$])?(?:[A-Z]\w*)?(?:Error|Exception|Exit|Interrupt)(?: \[\w+\])?(?::|$| \()`,
    String.raw`\b(?:panicked at|FATAL|PANIC|emerg|EMERG|segfault|core dumped|MODULE_NOT_FOUND)\b`,
    String.raw`\bE(?:ADDRINUSE|ACCES|PERM|NOENT|CONNREFUSED|MFILE|NOSPC|NOMEM|AGAIN|EXIST|INVAL|NOTFOUND)\b`,
    'Address already in use|address already in use|No such file or directory|Permission denied',
    'Connection refused|No space left on device|Too many open files|Cannot allocate memory|out of memory',
    'OutOfMemory|Segmentation fault|Cannot find module|No module named|command not found|: not found$',
    'syntax error|undefined symbol|cannot open shared object',
  ].join('|'),
);
const COMPLAINT =
  /\b(?:errors?|err|failed|failure|fails|cannot|can't|could not|couldn't|unable|invalid|refused|denied|unknown|missing|unexpected|aborted?|crit(?:ical)?|alert|exception|bad|wrong|illegal|usage|not found|required?)\b/i;
/** What surrounds a message: frames of stacks, and what runtimes add of their own. */
const FRAME =
  /^\s+at |^\s*File "[^"]*", line \d|^\s*\.{3} \d+ more|^goroutine \d+ \[|^\s+\S+\.(?:go|rs|c|s):\d+|^\S+\([^)]*\)$|^\s*\d+: |^Node\.js v\d|^node:internal|^\s*[\^~]+\s*$|^note: run with|^\s*throw |^\s*[\])}]+[,;]?\s*$|stack backtrace:$/;
/** `\x1b[31m` and the like, which programs print to files as well. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is removed
const ESCAPES = /\x1b\[[0-9;?]*[A-Za-z]/g;

interface Line {
  text: string;
  number: number;
  weight: number;
}

/**
 * Chooses the lines that say why an agent failed: those that name a cause, then what is around them, then the last ones.
 * @param output the end of the output of that start
 * @returns at most ten lines in their order, with `…` where some are left out; null if there is no output
 */
export function chooseSample(output: string): string | null {
  const lines = weighed(output);
  if (lines.length === 0) return null;
  const chosen = new Set<Line>();
  let characters = 0;
  const choose = (line: Line | undefined): void => {
    if (!line || chosen.has(line) || chosen.size >= LINES_MAX) return;
    if (characters + line.text.length > CHARACTERS_MAX && chosen.size > 0) return;
    chosen.add(line);
    characters += line.text.length + 1;
  };
  const causes = causesOf(lines);
  for (const line of causes) choose(line);
  for (const { number } of causes) {
    // What follows a cause explains it; where that is a frame, it is the place of the fault.
    choose(lines[number + 1]);
    if (number > 0 && lines[number - 1]!.weight >= 0) choose(lines[number - 1]);
  }
  const rest = causes.length > 0 ? lines.filter(({ weight }) => weight >= 0) : lines;
  for (const line of rest.slice(-LINES_MAX).reverse()) choose(line);
  return inOrder(chosen);
}

/** How well some output says why: whichever of two logs has more is shown. */
export function weighOutput(output: string): number {
  return weighed(output).reduce((most, { weight }) => Math.max(most, weight), 0);
}

function weighed(output: string): Line[] {
  const lines = output
    .replace(ESCAPES, '')
    .replaceAll('\0', '')
    .split(/\r?\n/)
    .map((text) => text.trimEnd())
    .filter((text) => text !== '');
  return lines.map((text, number) => ({
    text: text.length > LINE_CHARACTERS_MAX ? `${text.slice(0, LINE_CHARACTERS_MAX)}${GAP}` : text,
    number,
    weight: weightOf(text) + (lines.length - number <= NEAR_END ? 1 / 2 : 0),
  }));
}

function weightOf(text: string): number {
  const beginning = text.slice(0, LINE_CHARACTERS_MAX);
  if (FRAME.test(beginning)) return -1;
  if (CAUSE.test(beginning)) return 2;
  return COMPLAINT.test(beginning) ? 1 : 0;
}

/** The heaviest lines, the last ones first; of those that differ only in numbers, the last one. */
function causesOf(lines: readonly Line[]): Line[] {
  const distinct = new Map<string, Line>();
  for (const line of lines) if (line.weight >= 1) distinct.set(line.text.replace(/\d+/g, '#'), line);
  return [...distinct.values()]
    .sort((a, b) => b.weight - a.weight || b.number - a.number)
    .slice(0, CAUSES_MAX);
}

function inOrder(chosen: ReadonlySet<Line>): string {
  const ordered = [...chosen].sort((a, b) => a.number - b.number);
  return ordered
    .flatMap(({ text, number }, i) => {
      const before = i === 0 ? number : ordered[i - 1]!.number;
      return i > 0 && number > before + 1 ? [GAP, text] : [text];
    })
    .join('\n');
}
