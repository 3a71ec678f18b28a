import { setTimeout as sleep } from 'node:timers/promises';
import type { Contestant } from './contestants/contestant.ts';
import type { MeasureName } from './measures/all.ts';
import { measureExits } from './measures/exits.ts';
import { measureCpu, untilAtRest } from './measures/idle.ts';
import { measureLatency } from './measures/latency.ts';
import { readKernelBytes, readSupervisionBytes } from './measures/memory.ts';
import { measureRecovery } from './measures/recovery.ts';
import { measureStart } from './measures/start.ts';
import { measureCommand } from './measures/status.ts';
import { measureStop } from './measures/stop.ts';
import { measureTakeover, type Victims } from './measures/takeover.ts';
import type { Place } from './place.ts';

/** What a supervisor needs after its start to give back what it needed for that. */
const SETTLE_MS = 5_000;

/** Takes a figure as soon as there is one; null where it never came to that. */
export type Report = (measure: MeasureName, value: number | null) => void;

/** Names what a contestant is about to do. */
export type Say = (step: string) => void;

/**
 * Takes a contestant through a life: start, rest, exits, a tenth dead at once, stop.
 * @param idleMs how long it is watched at rest; null for not at all
 * @throws whatever a step failed with; the steps after it have no figures then
 */
export async function runLife(
  contestant: Contestant,
  place: Place,
  idleMs: number | null,
  report: Report,
  say: Say,
): Promise<void> {
  say('prepare');
  await contestant.prepare();
  const kernelBytes = readKernelBytes();
  say('start');
  report('start', await measureStart(contestant, place));
  if (contestant.kind === 'start only') return;
  say('rest');
  await untilAtRest(contestant);
  await sleep(SETTLE_MS);
  report('kernel', perAgentKilobytes(readKernelBytes() - kernelBytes, place));
  if (contestant.kind === 'supervisor') await watch(contestant, place, idleMs, report, say);
  say('recovery');
  report('recovery', await measureRecovery(contestant, place));
  const commands = { status: contestant.status(), ...contestant.otherCommands() };
  for (const [measure, command] of Object.entries(commands)) {
    if (!command) continue;
    say(measure);
    report(measure as MeasureName, await measureCommand(command, place));
  }
  say('stop');
  report('stop', await measureStop(contestant, place));
}

async function watch(
  contestant: Contestant,
  place: Place,
  idleMs: number | null,
  report: Report,
  say: Say,
): Promise<void> {
  report('memory', readSupervisionBytes(contestant) / 2 ** 20);
  if (idleMs !== null) {
    say('idle');
    report('idle', await measureCpu(contestant, idleMs));
  }
  say('exits');
  report('exit', await measureExits(contestant, place));
  say('latency');
  report('latency', await measureLatency(place));
}

/** Takes a contestant only as far as its memory at rest: what supervision costs before there are many agents. */
export async function runSmallLife(
  contestant: Contestant,
  place: Place,
  report: Report,
  say: Say,
): Promise<void> {
  if (contestant.kind !== 'supervisor') return;
  say('prepare');
  await contestant.prepare();
  await measureStart(contestant, place);
  await untilAtRest(contestant);
  await sleep(SETTLE_MS);
  report('memory', readSupervisionBytes(contestant) / 2 ** 20);
}

const TAKEOVER_MEASURES: Record<Victims, readonly MeasureName[]> = {
  supervisor: ['takeover', 'lost', 'doubled', 'unknown'],
  supervision: ['wholeTakeover', 'wholeLost', 'wholeDoubled', 'wholeUnknown'],
};

/** Takes a contestant through a kill −9 of its supervisor, in a second life. */
export async function runTakeover(
  contestant: Contestant,
  place: Place,
  victims: Victims,
  report: Report,
  say: Say,
): Promise<void> {
  if (!contestant.canTakeOver) return;
  say('prepare for the takeover');
  await contestant.prepare();
  await measureStart(contestant, place);
  await untilAtRest(contestant);
  say('takeover');
  const { seconds, lost, doubled, unknown } = await measureTakeover(contestant, place, victims);
  const names = TAKEOVER_MEASURES[victims];
  for (const [i, value] of [seconds, lost, doubled, unknown].entries()) report(names[i]!, value);
}

function perAgentKilobytes(bytes: number, { agents }: Place): number {
  return bytes / 1_024 / agents;
}
