import { decideRecreated, decideStormHold, decideStormOver } from '../../fleet/decide/hold.ts';
import { rolloutChange } from '../../fleet/decide/rollout.ts';
import { killSent, signalSent, successionFailed } from '../../fleet/endings.ts';
import type { Executors } from '../../fleet/steps.ts';
import type { FleetContext } from './context.ts';
import { drainConnections, survey } from './measure.ts';
import { Output } from './output.ts';
import { Preparation } from './preparation.ts';
import { prune } from './prune.ts';
import { startAll } from './start.ts';
import { describeReach, Stops } from './stops.ts';
import { vacateAll } from './vacate.ts';

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
      for (const { slot } of steps) void context.watch(Preparation).prepare(slot);
    },
    before: (steps) => {
      for (const { slot } of steps) void context.watch(Preparation).before(slot);
    },
    abort: (steps) => {
      for (const { slot, reason } of steps) context.watch(Preparation).abort(slot, reason);
    },
    start: (steps) => startAll(context, steps),
    stop: (steps) => context.watch(Stops).begin(steps),
    terminate: (steps) => {
      for (const { slot, signal, reason } of steps) {
        const reach = describeReach(host.processes.signalAll(context.key(slot), signal));
        signalSent(fleet, slot, host.now());
        journal.slot('stop', name, slot, `${signal} to ${reach}: ${reason}`);
      }
    },
    kill: (steps) => {
      for (const { slot, reason } of steps) {
        host.processes.kill(context.key(slot));
        killSent(fleet, slot, host.now());
        journal.slot('kill', name, slot, reason);
      }
    },
    abandon: (steps) => {
      for (const { slot } of steps) {
        const { agent } = fleet.slot(slot);
        successionFailed(fleet, slot, host.now());
        if (agent.state === 'orphaned') context.reportExit(slot, agent.exit);
        context.noteRun(slot);
      }
    },
    complete: (steps) => {
      const slots = steps.map(({ slot }) => slot);
      const reason = 'ended with success, and is not started again';
      context.commit({ completed: slots, events: [{ type: 'completed', reason, slots }] });
    },
    vacate: (steps) => vacateAll(context, steps),
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
