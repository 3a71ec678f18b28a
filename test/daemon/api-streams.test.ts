import { EventEmitter } from 'node:events';
import type { FastifyRequest } from 'fastify';
import { expect, test } from 'vitest';
import type { FleetEvent } from '../../src/api/events.ts';
import { followEvents } from '../../src/daemon/api/streams.ts';
import type { Supervisor } from '../../src/daemon/supervisor/supervisor.ts';

/** A connection that nobody reads from. */
class Deaf extends EventEmitter {
  setTimeout(): void {}
  destroy(): void {
    this.emit('close');
  }
}

const event = (seq: number): FleetEvent => ({
  seq,
  at: '2026-01-02T03:04:05.678Z',
  fleet: 'web',
  type: 'exit',
  slots: '0',
  reason: 'exited with 1',
});

test('a follower that reads gets every event; one that is ten thousand behind is let go', async () => {
  const listeners = new Set<(event: FleetEvent) => void>();
  const follow = (listener: (event: FleetEvent) => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const supervisor = { events: { follow } } as unknown as Supervisor;
  const request = { raw: { socket: new Deaf() } } as unknown as FastifyRequest;
  const followed = followEvents(supervisor, null, [event(1)], request);
  expect((await followed.next()).value).toEqual(event(1));
  for (let seq = 2; seq <= 10_001; seq++) for (const tell of listeners) tell(event(seq));
  expect(listeners.size).toBe(1);
  for (const tell of listeners) tell(event(10_002));
  expect(listeners.size).toBe(0);
  expect((await followed.next()).done).toBe(true);
});
