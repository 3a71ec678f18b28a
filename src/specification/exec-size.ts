/** MAX_ARG_STRLEN without the NUL: 32 pages of 4 KiB, for each word and each variable (execve(2)). */
export const STRING_BYTES_MAX = 131_071;
/** The bounds of what all strings may take: ARG_MAX, and three quarters of _STK_LIM (bprm_stack_limits in fs/exec.c). */
const TOTAL_BYTES = { min: 128 * 1024, max: 6 * 1024 * 1024 } as const;
const POINTER_BYTES = 8;
const utf8 = new TextEncoder();

/** What execve(2) is given; `env` as `NAME=value`. */
export interface Execution {
  path: string;
  argv: readonly string[];
  env: readonly string[];
}

/** Why execve(2) would answer E2BIG. No value is in here, only sizes in bytes. */
export type ExecProblem =
  /** A word of the command is too long. */
  | { is: 'word'; index: number; bytes: number }
  /** A variable is, together with its name. */
  | { is: 'variable'; name: string; bytes: number }
  /** All are, together with the pointers to them; `largest` names the largest variable, null if there is none. */
  | { is: 'total'; bytes: number; bytesMax: number; largest: { name: string; bytes: number } | null };

/**
 * Tells whether the kernel would refuse to execute a program for the size of its words and variables.
 * @param stackBytes the soft limit of the stack (RLIMIT_STACK) that the process has by then
 * @returns the problem; null if there is none. A script (#!) needs up to 256 bytes and its path more, which are not counted
 */
export function execProblem({ path, argv, env }: Execution, stackBytes: number): ExecProblem | null {
  let bytes = bytesOf(path) + 1 + POINTER_BYTES * (argv.length + env.length);
  let largest: { name: string; bytes: number } | null = null;
  for (const [index, word] of argv.entries()) {
    const length = bytesOf(word);
    if (length > STRING_BYTES_MAX) return { is: 'word', index, bytes: length };
    bytes += length + 1;
  }
  for (const variable of env) {
    const length = bytesOf(variable);
    const name = variable.slice(0, variable.indexOf('='));
    if (length > STRING_BYTES_MAX) return { is: 'variable', name, bytes: length };
    if (length > (largest?.bytes ?? 0)) largest = { name, bytes: length };
    bytes += length + 1;
  }
  const bytesMax = totalBytesMax(stackBytes);
  return bytes > bytesMax ? { is: 'total', bytes, bytesMax, largest } : null;
}

/** What words, variables and the pointers to them may take together, with this limit of the stack. */
export function totalBytesMax(stackBytes: number): number {
  return Math.max(TOTAL_BYTES.min, Math.min(TOTAL_BYTES.max, Math.floor(stackBytes / 4)));
}

function bytesOf(text: string): number {
  return utf8.encode(text).length;
}
