import { FleetError } from '../errors/fleet-error.ts';
import { type Agent, freshWish, pastOf, runOf, wishOf } from './agent.ts';
import type { Fleet } from './fleet.ts';
import type { GivenUp, ReleaseRecord, RunRecord, SlotRecord } from './records.ts';

/** The key of a slot on the host: `FLEET/SLOT`. */
export function slotKey({ name }: Pick<Fleet, 'name'>, slot: number): string {
  return `${name}/${slot}`;
}

/** Parses a key into fleet and slot. */
export function parseSlotKey(key: string): { name: string; slot: number } {
  const [name = '', slot = ''] = key.split('/');
  return { name, slot: Number(slot) };
}

/**
 * The record of a slot, with changes. Its past is left out: that is kept in run.db, and a change applied later must not
 * set it back to what it is now.
 */
export function slotRecord(fleet: Fleet, number: number, change: Partial<SlotRecord> = {}): SlotRecord {
  const slot = fleet.slot(number);
  const { release = slot.release, generation = slot.generation } = change;
  // Whoever asks for another run asks for it even if the last one has completed.
  const completed = slot.completed && release === slot.release && generation === slot.generation;
  return { slot: number, wanted: slot.wanted, ...wishOf(slot), completed, ...change };
}

/**
 * The record of a slot that becomes wanted. An agent that still runs, and is not being stopped, goes on as it is: what its
 * slot was to become when it was given up may have been rolled back since.
 */
export function wantedRecord(fleet: Fleet, slot: number, release: string): SlotRecord {
  const agent = fleet.slots.get(slot)?.agent;
  const run = agent && runOf(agent);
  if (run && agent.state !== 'stopping')
    return slotRecord(fleet, slot, {
      wanted: true,
      release: run.release,
      urgent: false,
      purge: false,
    });
  return { slot, wanted: true, ...freshWish(release, fleet.prepared.has(slot)) };
}

/** What the next supervisor needs to know of a slot; null if there is nothing to keep. */
export function runRecord(fleet: Fleet, number: number): RunRecord | null {
  const slot = fleet.slots.get(number);
  if (!slot) return null;
  const { agent, generation } = slot;
  return {
    slot: number,
    process: runOf(agent),
    givenUp: givenUpIn(agent, generation),
    readyAt: 'readyAt' in agent ? agent.readyAt : null,
    ...pastOf(slot),
  };
}

/** What ended for good, or will have when nothing of it lives any more. */
function givenUpIn(agent: Agent, generation: number): GivenUp | null {
  const end = agent.state === 'clearing' ? agent.next : agent;
  if (end.state !== 'failed' && end.state !== 'completed') return null;
  return { state: end.state, reason: end.reason, generation };
}

/**
 * A release by its id; if it was lost with the wanted state, the newest.
 * @throws FleetError INTERNAL if the store has neither
 */
export function releaseOf(fleet: Fleet, id: string): ReleaseRecord {
  const release = fleet.releases.get(id) ?? fleet.releases.get(fleet.release);
  if (!release) throw new FleetError('INTERNAL', `release ${id} of fleet ${fleet.name} is not in the store`);
  return release;
}
