import { expect, test } from 'vitest';
import type { Containment } from '../../src/host/cgroup/containment.ts';
import { Mains } from '../../src/host/linux/mains.ts';
import type { ExitWatch, OnEnd } from '../../src/host/process/exit-watch.ts';

test('what a main process has sent is received before it is reaped: after that, nobody knows its slot', () => {
  const happened: string[] = [];
  const ends: OnEnd[] = [];
  const watch = { watch: (_: unknown, onEnd: OnEnd) => ends.push(onEnd) } as unknown as ExitWatch;
  const mains = new Mains({
    watch,
    containment: {} as Containment,
    takeEntries: () => [],
    onMain: () => {},
    beforeEnd: () => happened.push('received'),
    onEnd: (key) => happened.push(`${key} ended`),
    forget: () => {},
  });
  mains.follow('web/0', { pid: 7, startTicks: 1, pidfd: 9, hasArrived: true, launch: null });
  ends[0]!(() => {
    happened.push('reaped');
    return null;
  });
  expect(happened).toEqual(['received', 'reaped', 'web/0 ended']);
});
