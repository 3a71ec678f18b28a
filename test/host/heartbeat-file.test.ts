import { rmSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readStat } from '../../src/host/proc/stat.ts';
import { HeartbeatFile, readHeartbeat } from '../../src/host/state/heartbeat-file.ts';
import { bootMs } from '../../src/host/sys/clock.ts';
import { Scratch } from './processes.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

test('says who beats, since when, in which phase, and when', () => {
  const path = scratch.path('heartbeat');
  const before = bootMs();
  const file = new HeartbeatFile(path, 'boot');
  const self = { pid: process.pid, startTicks: readStat(process.pid)!.startTicks, bootId: 'boot' };
  expect(readHeartbeat(path)).toMatchObject({ ...self, phase: 'recovering' });
  const { size } = statSync(path);
  file.supervises();
  const heartbeat = readHeartbeat(path)!;
  expect(heartbeat).toMatchObject({ ...self, phase: 'supervising' });
  expect(heartbeat.atMs).toBeGreaterThanOrEqual(before);
  expect(heartbeat.atMs).toBeLessThanOrEqual(bootMs());
  expect(statSync(path).size).toBe(size);
});

test('is written again where somebody has deleted it', () => {
  const path = scratch.path('heartbeat');
  const file = new HeartbeatFile(path, 'boot');
  rmSync(path);
  file.supervises();
  expect(readHeartbeat(path)?.phase).toBe('supervising');
});

test('that it cannot be written is no reason for anything', () => {
  new HeartbeatFile(scratch.path('no/such/directory'), 'boot').supervises();
});

test.each(['', '{', '{"pid":1}', '{"pid":1,"startTicks":2,"bootId":"b","phase":"?","atMs":3}', 'null'])(
  'is none where the file says %j',
  (text) => {
    writeFileSync(scratch.path('heartbeat'), text);
    expect(readHeartbeat(scratch.path('heartbeat'))).toBeNull();
  },
);
