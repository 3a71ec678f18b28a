import { libc } from './libc.ts';

/** linux/prctl.h */
const PR_GET_CHILD_SUBREAPER = 37;

/**
 * Whether this process is the first of its pid namespace, as in a container: its end ends every other process in there,
 * and of signals from inside it gets only those that it has a handler for, SIGKILL included (pid_namespaces(7)).
 */
export const IS_INIT = process.pid === 1;

/** Whether processes become children of this one when their parents have ended. */
export function inheritsOrphans(): boolean {
  if (IS_INIT) return true;
  const result = Buffer.alloc(4);
  return libc.prctl(PR_GET_CHILD_SUBREAPER, result) === 0 && result.readInt32LE(0) === 1;
}
