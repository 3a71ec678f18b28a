import { parseArgs } from 'node:util';
import type { Scenario } from './leak-fleet.ts';
import { type Outcome, trial } from './leak-trial.ts';

/**
 * Measures the leak verdict against the simple rule (the total grew by more than 100 MB in an hour) on simulated fleets:
 * hours to detection, and false alarms a month. Prints a table in Markdown, then JSON on its last line; `--quick` takes
 * fewer fleets. The same seed gives the same figures.
 */

const KIB = 1024;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MONTH_HOURS = 730;
/** A fleet is watched for so long before its leak begins. */
const BEFORE_HOURS = 40;

interface Row {
  name: string;
  /** The goal for detection in hours; null where nothing leaks. */
  goalHours: number | null;
  fleets: number;
  /** How long each is watched from the begin of its leak, or in all. */
  hours: number;
  scenario: Partial<Omit<Scenario, 'leak'>> & { leak?: { bytesPerHour: number; share: number } };
}

const USUAL: Omit<Scenario, 'seed' | 'leak'> = {
  agents: 5_000,
  everyMs: 5 * MINUTE_MS,
  sawBytes: 4 * KIB * KIB,
  jitterBytes: 0,
  rhythmBytes: 0,
  busy: true,
  connectionsKnown: 'agents',
};

function all(kibPerHour: number): { bytesPerHour: number; share: number } {
  return { bytesPerHour: kibPerHour * KIB, share: 1 };
}

/** @param fleets of each leak @param quietHours that a fleet without one is watched for */
function rows(fleets: number, quietHours: number): Row[] {
  const one = { bytesPerHour: KIB * KIB, share: 0.01 };
  const jitter = { jitterBytes: 64 * KIB };
  const leaks: Row[] = [
    { name: '20 KB/h in all', goalHours: 1, fleets, hours: 3, scenario: { leak: all(20) } },
    { name: '5 KB/h in all', goalHours: 3, fleets, hours: 6, scenario: { leak: all(5) } },
    { name: '1 KB/h in all', goalHours: 10, fleets, hours: 20, scenario: { leak: all(1) } },
    { name: '1 MB/h in 1 %', goalHours: 2, fleets, hours: 8, scenario: { leak: one } },
    {
      name: '1 KB/h in all, every minute',
      goalHours: 4,
      fleets: Math.ceil(fleets / 4),
      hours: 8,
      scenario: { leak: all(1), everyMs: MINUTE_MS },
    },
    {
      name: '20 KB/h in all, floors differ by 64 KB',
      goalHours: 1,
      fleets: Math.ceil(fleets / 2),
      hours: 4,
      scenario: { leak: all(20), ...jitter },
    },
    {
      name: '5 KB/h in all, connections not known',
      goalHours: 3,
      fleets: Math.ceil(fleets / 2),
      hours: 6,
      scenario: { leak: all(5), connectionsKnown: 'no' },
    },
  ];
  const quiet = (name: string, share: number, scenario: Row['scenario']): Row => ({
    name,
    goalHours: null,
    fleets: 1,
    hours: quietHours * share,
    scenario,
  });
  return [
    ...leaks,
    quiet('no leak', 1, {}),
    quiet('no leak, floors differ by 64 KB', 0.25, jitter),
    quiet('no leak, connections not known', 0.25, { connectionsKnown: 'no' }),
    quiet('no leak, floors follow the day by 64 KB', 0.25, { rhythmBytes: 64 * KIB }),
    quiet('no leak, every minute', 0.02, { everyMs: MINUTE_MS }),
  ];
}

function run(row: Row): Outcome[] {
  return Array.from({ length: row.fleets }, (_, i) => {
    process.stderr.write(`${row.name}: fleet ${i + 1} of ${row.fleets}\n`);
    const { leak, ...scenario } = row.scenario;
    const of = { ...USUAL, ...scenario, seed: i + 1 };
    const fromTick = Math.round((BEFORE_HOURS * HOUR_MS) / of.everyMs);
    if (!leak) return trial({ ...of, leak: null }, row.hours);
    return trial({ ...of, leak: { ...leak, fromTick } }, BEFORE_HOURS + row.hours);
  });
}

type Rule = 'verdict' | 'simple';

function quantile(values: (number | null)[], share: number): string {
  const sorted = values.map((value) => value ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;
  return Number.isFinite(value) ? value.toFixed(1) : 'never';
}

function cells(row: Row, outcomes: Outcome[], rule: Rule): [string, string] {
  const hours = outcomes.map((outcome) => outcome.hours[rule]);
  const quiet = outcomes.reduce((sum, { quietHours }) => sum + quietHours, 0);
  const alarms = outcomes.reduce((sum, { falseAlarms }) => sum + falseAlarms[rule], 0);
  return [
    row.goalHours === null ? '–' : `${quantile(hours, 0.5)} / ${quantile(hours, 0.95)}`,
    ((alarms * MONTH_HOURS) / quiet).toFixed(alarms === 0 ? 0 : 1),
  ];
}

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const table = values.quick ? rows(2, 8 * 24) : rows(12, 90 * 24);
const results = table.map((row) => ({ row, outcomes: run(row) }));

console.log(
  '| fleet of 5,000 | goal (h) | verdict: hours, median / 95 % | false alarms a month | simple rule: hours | false alarms a month |',
);
console.log('| --- | --- | --- | --- | --- | --- |');
for (const { row, outcomes } of results) {
  const [hours, alarms] = cells(row, outcomes, 'verdict');
  const [simpleHours, simpleAlarms] = cells(row, outcomes, 'simple');
  console.log(
    `| ${row.name} | ${row.goalHours ?? '–'} | ${hours} | ${alarms} | ${simpleHours} | ${simpleAlarms} |`,
  );
}
console.log(
  JSON.stringify(
    results.map(({ row, outcomes }) => ({
      name: row.name,
      goalHours: row.goalHours,
      outcomes: outcomes.map(({ named, ...outcome }) => ({ ...outcome, named: named.length })),
    })),
  ),
);
