import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { endProcess } from '../../src/daemon/strays/end.ts';
import { linuxOthers } from '../../src/host/linux/others.ts';
import { readStat } from '../../src/host/proc/stat.ts';
import { until } from '../e2e/harness.ts';
import { isLive, Scratch } from '../host/processes.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

describe('ending a process', () => {
  const how = { signal: 'SIGTERM', graceMs: 300 };
  const identify = (pid: number) => ({ pid, startTicks: readStat(pid)!.startTicks });

  test('that obeys needs no SIGKILL', async () => {
    const pid = scratch.start('exec sleep 1000');
    expect(await endProcess(linuxOthers, identify(pid), async () => true, { ...how, graceMs: 60_000 })).toBe(
      'ended',
    );
  });

  test('that does not obey is killed after its grace', async () => {
    const pid = scratch.start('trap "" TERM; echo up; while :; do sleep 1; done');
    await until(() => scratch.read('out.1').includes('up'));
    expect(await endProcess(linuxOthers, identify(pid), async () => true, how)).toBe('killed');
    expect(isLive(pid)).toBe(false);
  });

  test('hits nobody where the pid is another process’s by now, or is not meant any more', async () => {
    const pid = scratch.start('exec sleep 1000');
    const process = identify(pid);
    expect(
      await endProcess(
        linuxOthers,
        { ...process, startTicks: process.startTicks - 1 },
        async () => true,
        how,
      ),
    ).toBe('left');
    expect(await endProcess(linuxOthers, process, async () => false, how)).toBe('left');
    expect(isLive(pid)).toBe(true);
  });

  test('that becomes something else during its grace spares it', async () => {
    const pid = scratch.start('trap "" TERM; echo up; while :; do sleep 1; done');
    await until(() => scratch.read('out.1').includes('up'));
    let looks = 0;
    expect(await endProcess(linuxOthers, identify(pid), async () => looks++ === 0, how)).toBe('left');
    expect(isLive(pid)).toBe(true);
  });
});
