import { expect, test } from 'vitest';
import { signalAgents } from '../../src/daemon/commands/signal.ts';
import type { FleetRunner } from '../../src/daemon/fleet/runner.ts';
import { ImaginaryHost } from '../fleet/driver.ts';

/** A runner of three agents: the kernel refuses signals to the first, and the last has ended. */
function runnerOf(told: string[]): FleetRunner {
  const world = new ImaginaryHost();
  world.spawn(3);
  const signal = (key: string) => {
    if (key === 'f/0') throw new Error('pidfd_send_signal: EPERM');
    return key !== 'f/2';
  };
  const signalAll = (key: string) =>
    key === 'f/2'
      ? { sent: 0, refusal: null }
      : { sent: 5, refusal: key === 'f/0' ? 'process 7: EPERM' : null };
  const runner = {
    name: 'f',
    fleet: world.fleet,
    key: (slot: number) => `f/${slot}`,
    services: {
      host: { processes: { signal, signalAll } },
      journal: {
        note: (...[type, , reason, slots]: unknown[]) => told.push(`${type} ${reason} ${slots}`),
      },
      observer: {
        signalled: (...[, name, count]: unknown[]) => told.push(`${count} ${name}`),
      },
    },
  };
  return runner as unknown as FleetRunner;
}

test('says who got a signal, who has no process, and where the kernel refused it', () => {
  const told: string[] = [];
  const answer = signalAgents(runnerOf(told), { signal: 'SIGHUP' });
  const failed = [{ slot: 0, reason: 'pidfd_send_signal: EPERM' }];
  expect(answer).toEqual({ fleet: 'f', signal: 'SIGHUP', slots: [1], sent: 1, missed: [2], failed });
  expect(told).toEqual(['signal SIGHUP to the main process, by fleetctl signal 1', '1 SIGHUP']);
});

test('counts all processes of the slots', () => {
  const told: string[] = [];
  const request = { signal: 'SIGHUP', slots: '1', allProcesses: true };
  expect(signalAgents(runnerOf(told), request)).toMatchObject({ slots: [1], sent: 5, missed: [] });
  expect(told).toEqual(['signal SIGHUP to 5 processes, by fleetctl signal 1', '5 SIGHUP']);
});

test('says where the kernel refused it to one of several processes', () => {
  const request = { signal: 'SIGHUP', allProcesses: true };
  expect(signalAgents(runnerOf([]), request)).toMatchObject({
    slots: [0, 1],
    sent: 10,
    missed: [2],
    failed: [{ slot: 0, reason: 'process 7: EPERM' }],
  });
});

test('that reached nobody is no event, and one for a slot that is not there is refused', () => {
  const told: string[] = [];
  expect(signalAgents(runnerOf(told), { signal: 'SIGHUP', slots: '2' })).toMatchObject({ sent: 0 });
  expect(told).toEqual([]);
  expect(() => signalAgents(runnerOf(told), { signal: 'SIGHUP', slots: '2-3' })).toThrow('no slots 3');
});
