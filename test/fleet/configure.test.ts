import { expect, test } from 'vitest';
import { applyChange } from '../../src/fleet/change.ts';
import { decideConfiguring } from '../../src/fleet/decide/configure.ts';
import { decideKill } from '../../src/fleet/decide/kill.ts';
import { wantedRecord } from '../../src/fleet/slot-records.ts';
import { refusal } from '../specification/refusal.ts';
import { fleetOf, specOf } from './fleets.ts';

const FILE = { path: '/etc/fleetd/f.yaml', hash: 'h1', target: 5 };

function fleetWith(count: number, configured?: typeof FILE) {
  const fleet = fleetOf(specOf());
  const slots = Array.from({ length: count }, (_, slot) => wantedRecord(fleet, slot, 'r1'));
  applyChange(fleet, { record: { ...fleet.record, ...(configured && { configured }) }, slots }, 0);
  return fleet;
}

test.each([
  ['a fleet that is not known', null, {}],
  ['a fleet that no file was applied to', fleetWith(3), {}],
  ['a file that has not changed', fleetWith(3, FILE), null],
  ['a file that was renamed', fleetWith(3, { ...FILE, path: '/etc/fleetd/g.yaml' }), null],
  ['another content with the same target', fleetWith(3, { ...FILE, hash: 'h0' }), { target: 3 }],
  ['another content with another target', fleetWith(3, { ...FILE, hash: 'h0', target: 4 }), {}],
])('%s', (_, fleet, expected) => {
  expect(decideConfiguring(fleet, FILE)).toEqual(expected);
});

test('a kill of more agents than there are is refused, also where there are none', () => {
  expect(decideKill(fleetWith(3), { count: 3 }).goal).toEqual({ kind: 'gone', slots: '0-2' });
  expect(refusal(() => decideKill(fleetWith(3), { count: 4 }))).toContain(
    'USAGE fleet f has 3 agents, fewer than 4',
  );
  expect(refusal(() => decideKill(fleetWith(0), { count: 1 }))).toContain('USAGE fleet f has 0 agents');
});
