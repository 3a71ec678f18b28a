import { readFileSync } from 'node:fs';

/** One system call that succeeded and changed, or made durable, something below the recorded directories. */
export type Call =
  | { kind: 'open'; path: string; creates: boolean; truncates: boolean }
  | { kind: 'write'; path: string /** Null: at the end. */; at: number | null; data: Buffer }
  | { kind: 'truncate'; path: string; size: number }
  | { kind: 'sync'; path: string }
  | { kind: 'rename'; path: string; to: string }
  | { kind: 'unlink'; path: string }
  | { kind: 'mkdir'; path: string }
  /** Somebody was told that a change is accepted. */
  | { kind: 'ack' };

/** What strace is to record, beside `-f -o FILE`. */
export const STRACE_OPTIONS = [
  ...['-qq', '-y', '-xx', '-s', '100000000', '--seccomp-bpf', '-e', 'signal=none'],
  '-e',
  'trace=openat,write,writev,pwrite64,copy_file_range,fsync,fdatasync,rename,unlink,rmdir,mkdir,ftruncate',
];

const bytesOf = (text: string): Buffer => Buffer.from(text.replaceAll('\\x', ''), 'hex');
/** Path of a descriptor: `22<\x2f…>`; that of a socket or a pipe is no path. */
const pathOf = (text: string): string => (text.startsWith('\\x') ? bytesOf(text).toString() : text);
const hexOf = (text: string): string => Buffer.from(text).toString('hex').replaceAll(/../g, '\\x$&');

/** One pattern a call, and what it says; calls that failed match none of them. */
const PATTERNS: [RegExp, (match: string[]) => Call][] = [
  [
    /^openat\(\S+ "([^"]*)", ([A-Z_|]+)(?:, \d+)?\) = \d/,
    ([, path, flags]) => ({
      kind: 'open',
      path: pathOf(path!),
      creates: flags!.includes('O_CREAT'),
      truncates: flags!.includes('O_TRUNC'),
    }),
  ],
  [
    /^pwrite64\(\d+<([^>]*)>, "([^"]*)", \d+, (\d+)\) = \d/,
    ([, path, data, at]) => ({ kind: 'write', path: pathOf(path!), at: Number(at), data: bytesOf(data!) }),
  ],
  [
    /^write\(\d+<([^>]*)>, "([^"]*)", \d+\) = \d/,
    ([, path, data]) => ({ kind: 'write', path: pathOf(path!), at: null, data: bytesOf(data!) }),
  ],
  [
    /^copy_file_range\(\d+<([^>]*)>, \[(\d+)\], \d+<([^>]*)>, NULL, \d+, 0\) = (\d+)/,
    ([, from, start, path, length]) => ({
      kind: 'write',
      path: pathOf(path!),
      at: null,
      data: readFileSync(pathOf(from!)).subarray(Number(start), Number(start) + Number(length)),
    }),
  ],
  [
    /^ftruncate\(\d+<([^>]*)>, (\d+)\) = 0/,
    ([, path, size]) => ({ kind: 'truncate', path: pathOf(path!), size: Number(size) }),
  ],
  [/^f(?:data)?sync\(\d+<([^>]*)>\) = 0/, ([, path]) => ({ kind: 'sync', path: pathOf(path!) })],
  [
    /^rename\("([^"]*)", "([^"]*)"\) = 0/,
    ([, path, to]) => ({ kind: 'rename', path: pathOf(path!), to: pathOf(to!) }),
  ],
  [/^(?:unlink|rmdir)\("([^"]*)"\) = 0/, ([, path]) => ({ kind: 'unlink', path: pathOf(path!) })],
  [/^mkdir\("([^"]*)", \d+\) = 0/, ([, path]) => ({ kind: 'mkdir', path: pathOf(path!) })],
];

/**
 * Reads what strace wrote.
 * @param acknowledges the bytes with which a write begins that tells somebody of an accepted change
 */
export function readTrace(file: string, acknowledges: string): Call[] {
  const begins = `"${RegExp.escape(hexOf(acknowledges))}`;
  const told = new RegExp(String.raw`^writev?\(\d+<[^>]*>, (?:\[\{iov_base=)?${begins}`);
  return wholeLines(readFileSync(file, 'latin1')).flatMap((line): Call[] => {
    if (told.test(line)) return [{ kind: 'ack' }];
    for (const [pattern, read] of PATTERNS) {
      const match = pattern.exec(line);
      if (match) return [read(match)];
    }
    return [];
  });
}

/** A call that another thread's line cuts in two counts from where it ended: nothing is durable before that. */
function wholeLines(text: string): string[] {
  const begun = new Map<string, string>();
  return text.split('\n').flatMap((line) => {
    const [, pid, call] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (!pid || !call) return [];
    if (call.endsWith(' <unfinished ...>')) {
      begun.set(pid, call.slice(0, -' <unfinished ...>'.length));
      return [];
    }
    const whole = call.replace(/^<\.\.\. \w+ resumed>/, () => begun.get(pid) ?? '');
    return [whole.replace(/ *\) += /, ') = ')]; // strace pads to a column.
  });
}
