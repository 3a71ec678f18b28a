/** Lines around a change that are shown with it, as `diff -u` does. */
const CONTEXT_LINES = 3;

interface Line {
  mark: ' ' | '-' | '+';
  text: string;
}

/**
 * The difference of two small texts as a unified diff; '' if there is none. Takes time and memory proportional to the
 * product of their lines: for files of some hundred.
 * @param path named in the header; a null text stands for a missing file
 */
export function unifiedDiff(path: string, before: string | null, after: string | null): string {
  if (before === after) return '';
  const lines = compare(linesOf(before), linesOf(after));
  const header = [
    `--- ${before === null ? '/dev/null' : path}`,
    `+++ ${after === null ? '/dev/null' : path}`,
  ];
  return [...header, ...hunks(lines)].join('\n');
}

function linesOf(text: string | null): string[] {
  return text === null || text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** By the longest common subsequence, from the table of its lengths for all pairs of ends. */
function compare(before: readonly string[], after: readonly string[]): Line[] {
  const width = after.length + 1;
  const lengths = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        before[i] === after[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
    }
  }
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push({ mark: ' ', text: before[i++]! });
      j++;
    } else if (
      j === after.length ||
      (i < before.length && lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!)
    ) {
      lines.push({ mark: '-', text: before[i++]! });
    } else lines.push({ mark: '+', text: after[j++]! });
  }
  return lines;
}

/** Changes with their context; those that would overlap share a hunk. */
function hunks(lines: readonly Line[]): string[] {
  const isShown = lines.map((_line, at) =>
    lines.slice(Math.max(0, at - CONTEXT_LINES), at + CONTEXT_LINES + 1).some(({ mark }) => mark !== ' '),
  );
  const out: string[] = [];
  let before = 1;
  let after = 1;
  for (let at = 0; at < lines.length; ) {
    const end = isShown[at] ? endOfRun(isShown, at) : at + 1;
    const part = lines.slice(at, end);
    const removed = part.filter(({ mark }) => mark !== '+').length;
    const added = part.filter(({ mark }) => mark !== '-').length;
    if (isShown[at]) {
      out.push(`@@ -${range(before, removed)} +${range(after, added)} @@`);
      out.push(...part.map(({ mark, text }) => mark + text));
    }
    before += removed;
    after += added;
    at = end;
  }
  return out;
}

function endOfRun(isShown: readonly boolean[], from: number): number {
  const end = isShown.indexOf(false, from);
  return end === -1 ? isShown.length : end;
}

/** An empty range names the line before it (diff's own format). */
function range(start: number, count: number): string {
  return count === 0 ? `${start - 1},0` : `${start},${count}`;
}
