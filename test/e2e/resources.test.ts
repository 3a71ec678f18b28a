import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findCgroupMount } from '../../src/host/proc/cgroup.ts';
import { World } from './harness.ts';

const MOUNT = findCgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'));
const AVAILABLE = MOUNT === null ? '' : readFileSync(`${MOUNT}/cgroup.controllers`, 'utf8');

function specOf(resources: object | null): string {
  return JSON.stringify({
    name: 'held',
    command: ['/bin/sleep', '1000'],
    target: 3,
    ready: { after: '10ms' },
    ...(resources && { resources }),
  });
}

const LIMITS = { memory: { request: '4M', limit: '64M' }, cpu: 0.5, pids: 32 };

test.skipIf(/\b(cpu|memory|pids)\b/.test(AVAILABLE))(
  'without the controllers everything else works, and spawn says once which limits are not enforced, and why',
  async () => {
    const world = new World();
    try {
      world.write('fleet.yaml', specOf({ ...LIMITS, nofile: 100 }));
      const { stderr } = await world.ok('spawn');
      const note = 'resources.cpu, resources.memory, and resources.pids are not enforced: ';
      expect(stderr.split(note)).toHaveLength(2);
      expect(stderr).not.toContain('nothing acts on');
      expect((await world.fleet()).ready).toBe(3);
      expect((await world.ok('spawn', '2')).stderr).not.toContain('not enforced');

      world.write('fleet.yaml', specOf(null));
      expect((await world.ok('spawn', '-f', 'fleet.yaml')).stderr).not.toContain('not enforced');
    } finally {
      await world.dispose();
    }
  },
);
