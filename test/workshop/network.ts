import { execFileSync, spawnSync } from 'node:child_process';

/** CLONE_NEWNET of sched.h. */
const NEW_NETWORK = 0x40000000;
/** The number of unshare(2), by architecture (asm/unistd_64.h; asm-generic/unistd.h). */
const UNSHARE = process.arch === 'x64' ? 272 : 97;
/** The default route leads nowhere, but it is there: examples/vm-startup.sh waits for one. */
const COMMANDS = 'link set lo up\nroute add default dev lo\n';

/**
 * Tells whether test files can have networks of their own, so that files may use the same ports at the same time.
 * @returns why not; null if they can
 */
export function whyNoNetworks(): string | null {
  if (process.getuid!() !== 0) return 'only root may make network namespaces';
  const { error, status, stderr } = spawnSync('unshare', ['--net', 'ip', '-batch', '-'], { input: COMMANDS });
  if (error) return 'util-linux is not installed';
  return status === 0 ? null : `unshare --net ip: ${String(stderr).trim()}`;
}

/**
 * Moves this process, and everything it starts from now on, into a network of its own that has only loopback.
 * The main thread must call it: unshare(2) moves the calling thread alone, and children are forked from that one.
 * @throws Error if the kernel or `ip` refuses; see whyNoNetworks
 */
export async function enterOwnNetwork(): Promise<void> {
  // Imported here because vitest's configuration needs only the other function, and no libc.
  const { check, libc } = await import('../../src/host/sys/libc.ts');
  check('unshare', Number(libc.syscall(UNSHARE, NEW_NETWORK, 0, null, 0)));
  execFileSync('ip', ['-batch', '-'], { input: COMMANDS });
}
