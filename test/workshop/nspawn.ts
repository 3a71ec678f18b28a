import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A container that only runs `true` is there for a moment. */
const TRY_MS_MAX = 30_000;
const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url));

/** Tells why systemd-nspawn can run no container here; null if it can. */
export function whyNoNspawn(): string | null {
  if (process.getuid!() !== 0) return 'only root may run systemd-nspawn';
  const root = mkdtempSync(join(tmpdir(), 'nspawn-'));
  try {
    const [program, ...words] = nspawn(root);
    const { error, status, stderr } = spawnSync(program!, [...words, 'true'], { timeout: TRY_MS_MAX });
    if (error) return 'systemd-container is not installed';
    return status === 0 ? null : `systemd-nspawn: ${String(stderr).trim()}`;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/**
 * The words that run the program after them as PID 1 of a container whose system is this host's /usr.
 * @param root a directory that the container has as well; the container's own tree is made in it
 */
export function nspawn(root: string): string[] {
  const tree = join(root, 'container');
  for (const name of ['usr', 'etc']) mkdirSync(join(tree, name), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(tree, name));
  const variables = ['FLEETD_STATE_DIR', 'FLEETD_RUNTIME_DIR'].flatMap((name) => ['-E', name]);
  const place = ['-q', '-D', tree, '--register=no', '--keep-unit', '--console=pipe', '--kill-signal=SIGTERM'];
  const binds = ['--bind-ro=/usr', `--bind-ro=${CHECKOUT}`, `--bind=${root}`];
  return ['systemd-nspawn', ...place, ...binds, ...variables];
}
