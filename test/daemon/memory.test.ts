import { expect, test } from 'vitest';
import type { FleetContext } from '../../src/daemon/fleet/context.ts';
import { Memory } from '../../src/daemon/watches/memory.ts';

/** Slots with an agent each; what is read of each is `rss` and a tenth of that as its proportional share. */
function fleetOf(rss: Record<number, number>, releaseOf: (slot: number) => string) {
  const slots = new Map(
    Object.keys(rss).map((text) => {
      const slot = Number(text);
      return [
        slot,
        { number: slot, agent: { state: 'ready', run: { pid: slot, release: releaseOf(slot) } } },
      ];
    }),
  );
  const fleet = {
    name: 'web',
    slots,
    get running() {
      return slots.size;
    },
  };
  const memory = {
    rssBytes: (key: string) => rss[Number(key)] ?? null,
    pssBytes: (key: string) => (rss[Number(key)] ?? 0) / 10,
  };
  const context = { fleet, key: (slot: number) => String(slot), services: { host: { memory } } };
  return { slots, watch: new Memory(context as unknown as FleetContext) };
}

test('its totals are the sums of what is in the slots now, through new readings, exits and successors', async () => {
  const rss: Record<number, number> = { 0: 100, 1: 200, 2: 300 };
  const { slots, watch } = fleetOf(rss, () => 'r1');
  expect(watch.totals).toEqual({ rssBytes: null, pssBytes: null });
  await watch.renew(0, 'all');
  expect(watch.totals).toEqual({ rssBytes: 600, pssBytes: 60 });
  rss[0] = 400;
  await watch.renew(0, 'all');
  expect(watch.totals).toEqual({ rssBytes: 900, pssBytes: 90 });
  watch.exited(0);
  watch.exited(0);
  // What is not known of one is taken from the others.
  expect(watch.totals).toEqual({ rssBytes: 750, pssBytes: 75 });
  slots.delete(0);
  expect(watch.totals).toEqual({ rssBytes: 500, pssBytes: 50 });
  expect(watch.summary(1)).toMatchObject({ agents: 2, rss: { sum: 500 }, top: [{ slot: 2, rssBytes: 300 }] });
});

test('sums up each release, and all of them', async () => {
  const { watch } = fleetOf({ 0: 100, 1: 200, 2: 600 }, (slot) => (slot === 2 ? 'r2' : 'r1'));
  await watch.renew(0, 'all');
  expect(watch.summary(3)).toMatchObject({
    agents: 3,
    rss: { sum: 900 },
    pssMeanBytes: 30,
    cohorts: [
      { release: 'r1', agents: 2, rss: { sum: 300 }, pssMeanBytes: 15 },
      { release: 'r2', agents: 1, rss: { sum: 600 }, pssMeanBytes: 60 },
    ],
    top: [{ slot: 2 }, { slot: 1 }, { slot: 0 }],
  });
});
