import { readdirSync } from 'node:fs';
import { PROC, readProcText } from './read.ts';

const STACK_LINES_MAX = 6;

/**
 * What a process that does not end waits for, in one line: state, wchan, system call and stack of the thread that is in
 * the kernel, if /proc permits (proc_pid_stat(5); stack and syscall need root).
 */
export function describeWait(pid: number, proc = PROC): string {
  const threads = listThreads(pid, proc).map((thread) => ({
    thread,
    state: stateOf(`${proc}/${thread}/stat`),
  }));
  const stuck = threads.find(({ state }) => state === 'D') ?? threads.find(({ state }) => state !== 'Z');
  const { thread, state } = stuck ?? { thread: `${pid}`, state: stateOf(`${proc}/${pid}/stat`) };
  const part = (name: string, value: string | null | undefined) => (value ? [`${name} ${value}`] : []);
  return [
    ...part('state', state),
    ...part('wchan', read(`${proc}/${thread}/wchan`)),
    ...part('system call', read(`${proc}/${thread}/syscall`)),
    ...part(
      'stack',
      read(`${proc}/${thread}/stack`)?.split('\n').slice(0, STACK_LINES_MAX).map(withoutAddress).join(' < '),
    ),
  ].join(', ');
}

/** `[<0>] do_wait+0x5d/0x110` without its address. */
function withoutAddress(line: string): string {
  return line.replace(/^\[<[0-9a-f]*>\] /, '');
}

/** The threads of a process, as names below /proc. */
function listThreads(pid: number, proc: string): string[] {
  try {
    return readdirSync(`${proc}/${pid}/task`).map((thread) => `${pid}/task/${thread}`);
  } catch {
    return [];
  }
}

function stateOf(path: string): string | undefined {
  return /\) ([A-Za-z]) /.exec(read(path) ?? '')?.[1];
}

function read(path: string): string | null {
  try {
    return readProcText(path);
  } catch {
    return null;
  }
}
