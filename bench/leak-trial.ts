import { LeakDetector } from '../src/leak/detector.ts';
import { type Scenario, SimulatedFleet } from './leak-fleet.ts';

const HOUR_MS = 3_600_000;
const MIB = 1024 * 1024;
/** The rule to compare with: the total grew by more than this in an hour. */
const SIMPLE_BYTES = 100 * MIB;
/** A host with this much left: nothing depends on it here. */
const AVAILABLE_BYTES = 64 * 1024 * MIB;

/** What came of one simulated fleet, by each rule. */
export interface Outcome {
  /** Hours from the begin of the leak to the first alarm after it; null where there was none. */
  hours: { verdict: number | null; simple: number | null };
  /** Alarms while nothing leaked. */
  falseAlarms: { verdict: number; simple: number };
  /** How long nothing leaked. */
  quietHours: number;
  /** What the verdict put the growth at in the end, in bytes an hour, and whom it named. */
  bytesPerHour: number;
  named: number[];
  /** The mean time of a pass. */
  passMs: number;
}

/** Runs a fleet for so many hours and watches it by both rules. Detection is a verdict of suspect or leak. */
export function trial(of: Scenario, hours: number): Outcome {
  const fleet = new SimulatedFleet(of);
  const watch = new LeakDetector({
    everyMs: of.everyMs,
    growthBytesPerHour: 100 * MIB,
    agentLimitBytes: null,
  });
  const perHour = Math.round(HOUR_MS / of.everyMs);
  const from = of.leak?.fromTick ?? Number.POSITIVE_INFINITY;
  const alarms = { verdict: new Alarms(from, perHour), simple: new Alarms(from, perHour) };
  const totals: number[] = [];
  let spentMs = 0;
  for (let tick = 0; tick < hours * perHour; tick++) {
    const pass = fleet.next();
    const begun = performance.now();
    watch.observe(pass, AVAILABLE_BYTES);
    spentMs += performance.now() - begun;
    let total = 0;
    for (const bytes of pass.rssBytes) total += bytes;
    const hourAgo = totals.length >= perHour ? totals.shift()! : total;
    totals.push(total);
    alarms.verdict.add(tick, watch.leak.verdict !== 'none');
    alarms.simple.add(tick, total - hourAgo > SIMPLE_BYTES);
  }
  return {
    hours: { verdict: alarms.verdict.hours, simple: alarms.simple.hours },
    falseAlarms: { verdict: alarms.verdict.falseOnes, simple: alarms.simple.falseOnes },
    quietHours: Math.min(hours, from / perHour),
    bytesPerHour: watch.leak.bytesPerHour,
    named: watch.leak.agents,
    passMs: spentMs / (hours * perHour),
  };
}

/** Counts the times an alarm is raised before a leak, and how long after its begin the first one is. */
class Alarms {
  readonly #from: number;
  readonly #perHour: number;
  #on = false;
  falseOnes = 0;
  hours: number | null = null;

  constructor(from: number, perHour: number) {
    this.#from = from;
    this.#perHour = perHour;
  }

  add(tick: number, on: boolean): void {
    if (on && !this.#on && tick < this.#from) this.falseOnes++;
    // The pass at tick t shows t + 1 − from ticks of growth.
    if (on && tick >= this.#from) this.hours ??= (tick + 1 - this.#from) / this.#perHour;
    this.#on = on;
  }
}
