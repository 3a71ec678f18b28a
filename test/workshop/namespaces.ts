import { spawnSync } from 'node:child_process';

/** Tells why no process can be PID 1 of a pid namespace here; null if one can. */
export function whyNoPidNamespace(): string | null {
  if (process.getuid!() !== 0) return 'only root may make pid namespaces';
  const { error, status, stderr } = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']);
  if (error) return 'util-linux is not installed';
  return status === 0 ? null : `unshare --pid: ${String(stderr).trim()}`;
}
