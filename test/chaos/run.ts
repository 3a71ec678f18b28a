import type { FleetEvent } from '../../src/api/events.ts';
import { Arena, type ArenaOptions } from './arena.ts';
import { judgeEnd } from './end.ts';
import type { Fault, Wound } from './fault.ts';
import { Ledger } from './ledger.ts';
import { judgeRest } from './rest.ts';
import { Watch } from './watch.ts';

/** How many faults may come together. */
const AT_ONCE_MAX = 3;
/** So many of a round's last events are shown where something was lost. */
const EVENTS_SHOWN = 60;

export interface ChaosOptions extends ArenaOptions {
  /** What is to be tried. */
  faults: readonly Fault[];
  /** No new round begins after so long. */
  durationMs: number;
  /** No new round begins once it is aborted. */
  signal?: AbortSignal;
  /** Told what is done, a line at a time. */
  say: (line: string) => void;
}

/** What came of it. */
export interface Outcome {
  ledger: Ledger;
  losses: readonly string[];
  /** What could not be tried here, and why. */
  untried: readonly string[];
  rounds: number;
  looks: number;
}

/**
 * Hurts a real fleet in rounds of up to three faults that overlap. After each, the fleet must come to rest by itself,
 * with nothing lost; at last all of it is taken away, and nothing may be left.
 */
export async function runChaos({
  faults,
  durationMs,
  signal,
  say,
  ...options
}: ChaosOptions): Promise<Outcome> {
  const arena = new Arena(options);
  const deck = new Deck(
    arena,
    faults.filter((fault) => !fault.obstacle?.(arena)),
  );
  const ledger = new Ledger(faults);
  let rounds = 0;
  try {
    await arena.open();
    const watch = new Watch(arena);
    const end = Date.now() + durationMs;
    try {
      while (Date.now() < end && !signal?.aborted) await runRound(arena, deck, ledger, ++rounds, say);
    } finally {
      await watch.end();
    }
    await judgeEnd(arena);
    const untried = faults.flatMap((fault) => {
      const obstacle = fault.obstacle?.(arena);
      return obstacle ? [`${fault.name}: ${obstacle}`] : [];
    });
    return { ledger, losses: arena.losses, untried, rounds, looks: watch.looks };
  } finally {
    await arena.close();
  }
}

async function runRound(
  arena: Arena,
  deck: Deck,
  ledger: Ledger,
  round: number,
  say: (line: string) => void,
): Promise<void> {
  arena.begin();
  const losses = arena.losses.length;
  const faults = deck.draw(arena.number(1, AT_ONCE_MAX));
  say(`round ${round}: ${faults.map(({ name }) => name).join(' + ')}`);
  const wounds: { fault: Fault; wound: Wound; kills: number }[] = [];
  try {
    for (const fault of faults) {
      if (fault.mayCome?.(arena) ?? true) {
        const wound = await fault.inject(arena);
        wounds.push({ fault, wound, kills: arena.kills });
      } else say(`  not now: ${fault.name}`);
    }
    await arena.revive();
  } finally {
    for (const { wound } of wounds.toReversed()) await wound.heal?.();
  }
  await arena.revive();
  await judgeRest(arena, new Set(wounds.flatMap(({ wound }) => wound.slots)));
  const events = await arena.events();
  for (const { fault, wound, kills } of wounds) {
    const told = Number(wound.isTold(events));
    const couldTell = !wound.isToldLater || arena.kills === kills;
    if (told === 0 && couldTell) arena.lose(`events do not tell of ${fault.name}`);
    ledger.add(fault.name, { tried: 1, told });
  }
  const lost = arena.losses.slice(losses);
  for (const { fault } of wounds) ledger.add(fault.name, { losses: lost.length });
  for (const loss of lost) say(`  LOST ${loss}`);
  if (lost.length > 0) for (const event of events.slice(-EVENTS_SHOWN)) say(`  ${formatEvent(event)}`);
}

function formatEvent({ at, type, slots, reason }: FleetEvent): string {
  return `${at} ${type} ${slots ?? '-'} ${reason}`;
}

/** Deals faults by chance, but none again before every other one was dealt. */
class Deck {
  readonly #arena: Arena;
  readonly #faults: readonly Fault[];
  #left: Fault[] = [];

  constructor(arena: Arena, faults: readonly Fault[]) {
    this.#arena = arena;
    this.#faults = faults;
  }

  draw(count: number): Fault[] {
    return Array.from({ length: count }, () => {
      if (this.#left.length === 0) this.#left = [...this.#faults];
      return this.#left.splice(this.#arena.number(0, this.#left.length - 1), 1)[0]!;
    });
  }
}
