import { beforeAll, describe, expect, test } from 'vitest';
import { runInMachine, type Told, whyNoMachine } from './machine.ts';

const AGENTS = 300;
const BATCH = 50;
const TIMEOUT_MS = 2_600_000;
/** Starting, started, stopping, stopped, restarted, and what systemd tells of its own: for a unit, not for an agent. */
const JOURNAL_LINES_MAX = 20;
const reason = whyNoMachine();

describe.skipIf(reason !== null)(
  `under a real systemd${reason === null ? '' : ` (skipped: ${reason})`}`,
  () => {
    describe('the supervisor as a service', () => {
      let told: Told;
      beforeAll(async () => {
        told = await runInMachine('service');
      }, TIMEOUT_MS);

      test('install enables and starts everything, and a second one finds nothing to do', () => {
        expect(told.one('install-code')).toBe('0');
        expect(told.one('install-again')).toBe('Nothing to change.');
        expect(told.one('active')).toBe('active active active active');
        expect(told.one('spawn-code')).toBe('0');
      });

      test('every boot brings the fleet to exactly its target by itself', () => {
        expect(told.all('boot')).toEqual([
          `2 ready ${AGENTS} processes ${AGENTS}`,
          `3 ready ${AGENTS} processes ${AGENTS}`,
        ]);
        expect(told.all('boot-failed')).toEqual(['', '']);
        expect(told.one('final')).toBe(String(AGENTS));
      });

      test('the kernel has the values of the sysctl file after a boot', () => {
        expect(told.all('sysctl').length).toBeGreaterThan(8);
        for (const line of told.all('sysctl')) {
          const [, wanted, has] = /wanted (.*) has (.*)$/.exec(line)!;
          expect(has, line).toBe(wanted);
        }
      });

      test('no unit and no user has a bound on tasks, and agents have the limits that they should', () => {
        expect(told.one('tasks-max').split(' ')).toEqual(Array(5).fill('infinity'));
        expect(told.one('nofile')).toContain('Max open files 1024 ');
        const [supervisor, agent] = told.one('oom').split(' ').map(Number);
        expect(supervisor).toBe(-900);
        expect(agent).toBeGreaterThan(0);
        expect(told.one('home')).toMatch(
          /^\/fleetd\.slice\/fleetd-agents\.service\/fleetd-[0-9a-f]+\/web\/\d+$/,
        );
      });

      test.for(['restart', 'kill', 'hang', 'upgrade'])('%s of the supervisor changes no agent', (what) => {
        expect(told.one(`${what}-pids-same`)).toBe('yes');
        expect(told.number(`${what}-agents`)).toBe(AGENTS);
        expect(told.number(`${what}-journal`)).toBeLessThan(JOURNAL_LINES_MAX);
      });

      test('a supervisor that was shut down stays down, and finds its agents when it is started', () => {
        expect(told.one('shutdown-state')).toBe(`success inactive agents ${AGENTS}`);
        expect(told.one('start-pids-same')).toBe('yes');
        expect(told.number('start-journal')).toBeLessThan(JOURNAL_LINES_MAX);
      });

      test('at shutdown every agent gets its signal, in batches, and none is killed', () => {
        const ends = [...told.text.matchAll(/^ENDED (\d+) ([\d.]+) TERM/gm)].map(([, slot, at]) => ({
          slot: Number(slot),
          at: Number(at),
        }));
        expect(new Set(ends.map(({ slot }) => slot)).size).toBe(AGENTS);
        expect(told.number('ended')).toBe(AGENTS);
        expect(told.number('ended-again')).toBe(AGENTS);
        expect(told.number('ended-killed')).toBe(0);
        // At most a batch is stopping at any time, and each takes a second: so does the way to the next batch.
        const times = ends.map(({ at }) => at).sort((a, b) => a - b);
        for (const [i, at] of times.slice(BATCH).entries()) expect(at - times[i]!).toBeGreaterThan(0.9);
      });
    });

    describe('limits of the host', () => {
      let told: Told;
      beforeAll(async () => {
        told = await runInMachine('host');
      }, TIMEOUT_MS);

      test('a target above the TasksMax of a user is named and refused, and works after install and a reboot', () => {
        expect(told.one('before-doctor')).toMatch(/^5 .*user-1000\.slice/);
        expect(told.one('before-spawn')).toMatch(/^5 FLEET_LIMIT/);
        expect(told.one('after-spawn')).toBe('0');
        expect(told.number('after-agents')).toBe(200);
      });

      test('an agent beyond its memory is killed alone, started again, and named', () => {
        expect(told.number('memory-max')).toBe(24 * 2 ** 20);
        expect(told.one('oom-changed')).toBe('1 slot 2');
        expect(told.one('oom-events')).toContain('out of memory');
      });

      test('a supervisor that was started on demand outlives the session that it was started from', () => {
        expect(told.one('session-said')).toMatch(/as fleetd-[0-9a-f]{12}\.service/);
        expect(told.one('session-ended')).toBe('0 ready 3');
        expect(told.one('session-kill')).toBe('yes');
        expect(told.one('session-left')).toBe('0 0');
      });
    });
  },
);
