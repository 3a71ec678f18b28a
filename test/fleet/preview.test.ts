import { expect, test } from 'vitest';
import { applyChange } from '../../src/fleet/change.ts';
import { previewSpawn, previewUpdate } from '../../src/fleet/decide/preview.ts';
import { proposeSpawn } from '../../src/fleet/decide/spawn.ts';
import { slotRecord, wantedRecord } from '../../src/fleet/slot-records.ts';
import { fleetOf, releaseOf, specOf } from './fleets.ts';

function fleetWith(slots: number[], document: object = {}) {
  const fleet = fleetOf(specOf(document));
  applyChange(fleet, { slots: slots.map((slot) => wantedRecord(fleet, slot, 'r1')) }, 0);
  return fleet;
}

const propose = (fleet: ReturnType<typeof fleetWith> | null, document: object, force = true) =>
  proposeSpawn('f', fleet, { spec: specOf(document), baseDir: '/' }, { force });

test('a new fleet would be created', () => {
  const proposal = propose(null, { target: 2 });
  expect(previewSpawn(null, proposal, releaseOf('r1', proposal.spec))).toEqual({
    fleet: 'f',
    action: 'create',
    target: { from: null, to: 2 },
    release: { from: null, to: 'r1' },
    starts: [0, 1],
    stops: [],
    replaces: [],
    changes: [],
  });
});

test('what is so already would not change', () => {
  const fleet = fleetWith([0, 1], { target: 2 });
  const preview = previewSpawn(fleet, propose(fleet, { target: 2 }), releaseOf('r1', fleet.spec));
  expect(preview).toMatchObject({ action: 'none', starts: [], stops: [], replaces: [], changes: [] });
});

test('a spec that changes ports replaces every agent that stays', () => {
  const fleet = fleetWith([0, 1, 2]);
  const preview = previewSpawn(
    fleet,
    propose(fleet, { target: 2, ports: { base: 9 } }),
    releaseOf('r1', fleet.spec),
  );
  expect(preview).toMatchObject({ action: 'change', starts: [], stops: [2], replaces: [0, 1] });
  expect(preview.changes.map(({ path }) => path)).toEqual(['target', 'ports.base', 'ports.perAgent']);
});

test('a rolling update replaces the agents of other releases', () => {
  const fleet = fleetWith([0, 1, 2]);
  applyChange(fleet, { slots: [slotRecord(fleet, 1, { release: 'r2' })] }, 0);
  expect(previewUpdate(fleet, fleet.spec, releaseOf('r2', fleet.spec))).toMatchObject({
    action: 'change',
    target: { from: 3, to: 3 },
    release: { from: 'r1', to: 'r2' },
    replaces: [0, 2],
  });
  expect(previewUpdate(fleet, fleet.spec, null)).toMatchObject({ action: 'none', replaces: [] });
});
