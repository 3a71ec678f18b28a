import { expect, test } from 'vitest';
import type { Cell, FleetUpdate, Update } from '../../src/api/dashboard.ts';
import type { FleetEvent } from '../../src/api/events.ts';
import { Model, troubleIn } from '../../src/dashboard/model.ts';

const cell = (slot: number, state = 2): Cell => [slot, state, 0, 100, 0];
const event = (seq: number, fleet: string | null = 'web'): FleetEvent => ({
  seq,
  at: '2026-01-01T00:00:00Z',
  fleet,
  type: 'exit',
  slots: null,
  reason: '',
});
const update = (fleets: FleetUpdate[], more: Partial<Update> = {}): Update => ({
  isWhole: false,
  fleets,
  gone: [],
  events: [],
  ...more,
});
const whole = (fleets: FleetUpdate[], more: Partial<Update> = {}) =>
  update(fleets, { isWhole: true, ...more });

test('opens at the fleet in the worst trouble, and stays there until that is gone', () => {
  const pulse = (changes: object = {}) =>
    ({
      target: 5,
      ready: 5,
      backoff: 0,
      failed: 0,
      held: null,
      pressure: null,
      verify: null,
      ...changes,
    }) as NonNullable<FleetUpdate['pulse']>;
  const model = new Model();
  expect(model.choose(null)).toBeNull();
  const bad = { name: 'bad', pulse: pulse({ failed: 1, ready: 4 }) };
  model.apply(whole([{ name: 'fine', pulse: pulse() }, bad]), 0);
  expect(model.choose(null)?.name).toBe('bad');
  expect(model.choose('fine')?.name).toBe('fine');
  expect([...model.fleets.values()].map(troubleIn)).toEqual([null, 'failing']);
  model.apply(
    update([
      { name: 'bad', pulse: pulse() },
      { name: 'fine', pulse: pulse({ ready: 0 }) },
    ]),
    0,
  );
  expect(model.choose(null)?.name).toBe('bad');
  model.apply(update([], { gone: ['bad'] }), 0);
  expect(model.choose(null)?.name).toBe('fine');
});

test('keeps slots in order, and tells which cells are to be drawn again', () => {
  const model = new Model();
  model.apply(whole([{ name: 'web', cells: [cell(2), cell(0), cell(10)] }]), 0);
  expect(model.choose('web')?.order).toEqual([0, 2, 10]);
  const changes = model.apply(update([{ name: 'web', cells: [cell(2, 5)] }]), 0);
  expect(changes.get('web')).toEqual({ slots: [2], isReshaped: false });
  expect(model.choose('web')?.cells.get(2)?.[1]).toBe(5);
});

test('lays the map out anew only where slots come or go', () => {
  const model = new Model();
  model.apply(whole([{ name: 'web', cells: [cell(0), cell(1)] }]), 0);
  const reshaped = (cells: Cell[]) => model.apply(update([{ name: 'web', cells }]), 0).get('web')?.isReshaped;
  expect(reshaped([cell(1, 3)])).toBe(false);
  expect(reshaped([cell(2)])).toBe(true);
  expect(reshaped([cell(0, -1)])).toBe(true);
  // One came and one went: as many as before, and not the same.
  expect(reshaped([cell(1, -1), cell(3)])).toBe(true);
  expect(model.choose('web')?.order).toEqual([2, 3]);
  expect(reshaped([cell(7, -1)])).toBe(false);
});

test('forgets everything when it is told everything, and fleets that are gone', () => {
  const model = new Model();
  model.apply(whole([{ name: 'web', cells: [cell(0)] }, { name: 'old' }]), 0);
  model.apply(update([], { gone: ['old'] }), 0);
  expect([...model.fleets.keys()]).toEqual(['web']);
  model.apply(whole([{ name: 'new' }]), 0);
  expect([...model.fleets.keys()]).toEqual(['new']);
  expect(model.choose('web')?.name).toBe('new');
});

test('knows every event once, the newest first, those of the supervisor for every fleet', () => {
  const model = new Model();
  model.apply(whole([], { events: [event(1), event(2, null), event(3, 'other')] }), 0);
  model.apply(update([], { events: [event(3, 'other'), event(4)] }), 0);
  expect(model.eventsOf('web').map(({ seq }) => seq)).toEqual([4, 2, 1]);
  for (let seq = 5; seq < 1_000; seq++) model.apply(update([], { events: [event(seq)] }), 0);
  expect(model.events).toHaveLength(200);
  expect(model.events[0]?.seq).toBe(999);
});

test('what an update does not name stays as it was; no rollout is told as none', () => {
  const model = new Model();
  const pulse = { target: 5 } as NonNullable<FleetUpdate['pulse']>;
  const rollout = { state: 'running' } as NonNullable<FleetUpdate['rollout']>;
  model.apply(whole([{ name: 'web', pulse, rollout, releases: ['a'] }]), 0);
  model.apply(update([{ name: 'web', cells: [cell(0)] }]), 0);
  expect(model.choose(null)).toMatchObject({ pulse, rollout, releases: ['a'] });
  model.apply(update([{ name: 'web', rollout: null }]), 0);
  expect(model.choose(null)?.rollout).toBeNull();
});
