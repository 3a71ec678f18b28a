import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { reapOrphans } from '../../src/host/process/orphans.ts';
import { spawnProcess } from '../../src/host/process/spawner.ts';
import { check, libc } from '../../src/host/sys/libc.ts';
import { reapPid } from '../../src/host/sys/pidfd.ts';
import { isRunning, until } from '../e2e/harness.ts';

/** linux/prctl.h, and the number of prctl(2) by architecture. */
const PR_SET_CHILD_SUBREAPER = 36;
const PRCTL = process.arch === 'x64' ? 157 : 167;

/** Longer than the time until a look, and than a shell needs to end. */
const BLOCKED_MS = 500;

const owned = new Set<number>();
let stop: () => void;

function setSubreaper(on: 0 | 1): void {
  check('prctl', Number(libc.syscall(PRCTL, PR_SET_CHILD_SUBREAPER, on, null, 0)));
}

beforeEach(() => {
  setSubreaper(1);
  stop = reapOrphans((pid) => owned.has(pid));
});
afterEach(() => {
  stop();
  setSubreaper(0);
  for (const pid of owned) reapPid(pid);
  owned.clear();
});

const sh = (script: string) =>
  new Promise<{ code: number; stdout: string }>((resolve) => {
    execFile('sh', ['-c', script], (error, stdout) =>
      resolve({ code: (error as { code?: number } | null)?.code ?? 0, stdout }),
    );
  });

/** Starts a process that ends at once, and whose zombie somebody here owns. */
function ended(): number {
  const output = { path: '/dev/null' };
  const pid = spawnProcess({ path: '/bin/sh', argv: ['sh', '-c', 'exit 5'], env: [], cwd: '/', output });
  owned.add(pid);
  return pid;
}

/** Forks processes that end after their parent. @returns their pids */
async function orphans(count: number): Promise<number[]> {
  const { stdout } = await sh(
    `i=0; while [ $i -lt ${count} ]; do sleep 0.1 >&- 2>&- & echo $!; i=$((i + 1)); done`,
  );
  return stdout.trim().split('\n').map(Number);
}

const exists = (pid: number) => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8') !== '';
  } catch {
    return false;
  }
};

test('what was orphaned is reaped, however much it is', async () => {
  const pids = await orphans(60);
  expect(pids).toHaveLength(60);
  await until(() => !pids.some(exists));
});

test('Node’s own children keep their exit status, also if the loop has not turned since they ended', async () => {
  // The kernel tells of a child: from now on a look is due.
  process.kill(process.pid, 'SIGCHLD');
  await new Promise(setImmediate);
  const ended = Promise.withResolvers<number>();
  // Timers, a look among them, follow before signals do (uv_run).
  setImmediate(() => {
    void sh('exit 7').then(({ code }) => ended.resolve(code));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCKED_MS);
  });
  expect(await ended.promise).toBe(7);
});

test('a child that somebody waits for is left to them, and hides others only until they have reaped it', async () => {
  const pid = ended();
  await until(() => !isRunning(pid));
  const pids = await orphans(3);
  await until(() => !pids.some(isRunning));
  expect(exists(pid)).toBe(true);
  owned.delete(pid);
  expect(reapPid(pid)).toEqual({ code: 5, signal: null });
  await until(() => !pids.some(exists));
});
