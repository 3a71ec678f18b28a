import { decideRecreated, decideStormHold, decideStormOver } from '../../fleet/decide/hold.ts';
import { rolloutChange } from '../../fleet/decide/rollout.ts';
import type { Executors } from '../../fleet/steps.ts';
import { killSent, stopSent } from '../../fleet/transitions.ts';
import type { FleetContext } from './context.ts';
import { drainConnections, survey } from './measure.ts';
import { Output } from './output.ts';
import { prune } from './prune.ts';
import { prepare, startAll } from './start.ts';

/**
 * Carries out the steps of one fleet's plan without choices: each executor does what its step says, reports the outcome
 * to the fleet, and leaves an event with the step's reason.
 */
export function executorsFor(context: FleetContext): Executors {
  const { fleet, name, services } = context;
  const { host, journal } = services;
  const sampleOf = (slot: number) => context.watch(Output).sample(slot);
  return {
    prepare: (steps) => {
      for (const { slot } of steps) void prepare(context, slot);
    },
    start: (steps) => startAll(context, steps),
    stop: (steps) => {
      const { signal } = fleet.spec.stop;
      for (const { slot, cause, reason } of steps) {
        const problem = trySignal(context, slot, signal);
        stopSent(fleet, slot, { cause, reason }, host.now());
        journal.slot('stop', name, slot, `${signal}${problem}: ${reason}`);
      }
    },
    kill: (steps) => {
      for (const { slot, reason } of steps) {
        host.processes.kill(context.key(slot));
        killSent(fleet, slot, host.now());
        journal.slot('kill', name, slot, reason);
      }
    },
    vacate: (steps) => {
      host.files.vacate(
        steps.map(({ slot }) => ({ key: context.key(slot), paths: context.slotPaths(slot) })),
      );
      for (const { slot } of steps) {
        fleet.remove(slot);
        context.noteRun(slot);
      }
    },
    hold: ([step]) => context.commit(decideStormHold(fleet, step!.reason, sampleOf(step!.slot), host.date())),
    resume: ([step]) => context.commit(decideStormOver(fleet, step!.reason)),
    recreate: ([step]) => context.commit(decideRecreated(fleet, step!.reason)),
    rollout: ([step]) => {
      const { change, reason } = step!;
      const sample = change.sampleSlot === null ? null : sampleOf(change.sampleSlot);
      context.commit(rolloutChange(fleet, change, { reason, sample, date: host.date() }));
      if (change.rollout.state === 'done' || change.rollout.state === 'rolled-back') prune(context);
    },
    measure: ([step]) => fleet.rolling.surveyed(survey(context, step!.slots)),
    drain: ([step]) => drainConnections(context, step!),
  };
}

/** An agent that has changed its user (setuid) cannot be signalled; after its grace the cgroup ends it. */
function trySignal(context: FleetContext, slot: number, signal: string): string {
  try {
    context.services.host.processes.signal(context.key(slot), signal);
    return '';
  } catch (error) {
    return ` (${(error as Error).message})`;
  }
}
