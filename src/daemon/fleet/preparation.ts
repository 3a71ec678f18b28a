import { describeExit } from '../../fleet/exit.ts';
import { abortSent, prepareAborted, prepareBegun, prepareDone } from '../../fleet/transitions.ts';
import { formatDuration } from '../../specification/units.ts';
import type { FleetContext, FleetWatch } from './context.ts';
import { accountFor, helperLaunch, launchWorld } from './launch.ts';
import { Output } from './output.ts';
import { failStart } from './start.ts';

/** A command that precedes a start. */
interface Preceding {
  work: 'prepare' | 'before';
  /** Its key in the spec. */
  where: string;
  argv: readonly string[];
  timeoutMs: number;
}

/** Runs what precedes a start: `prepare`, once per slot, and `start.before`, once per start. */
export class Preparation implements FleetWatch {
  readonly #context: FleetContext;
  /** Ends the command of a slot. */
  readonly #running = new Map<number, AbortController>();

  constructor(context: FleetContext) {
    this.#context = context;
  }

  /** Runs a slot's `prepare`; its success is written before the slot's first start, so that it never runs again. */
  async prepare(slot: number): Promise<void> {
    const { prepare, prepareTimeoutMs: timeoutMs } = this.#context.fleet.spec;
    const command = { work: 'prepare', where: 'prepare', argv: prepare!, timeoutMs } as const;
    await this.#run(slot, command, () => {
      const { host } = this.#context.services;
      // A mark that outlived what was prepared would prevent it from ever being prepared again.
      host.files.persistSlot(this.#context.slotPaths(slot));
      this.#context.commit({ prepared: [slot] });
    });
  }

  /** Runs a slot's `start.before`. */
  async before(slot: number): Promise<void> {
    const { fleet, services } = this.#context;
    const { before, timeoutMs } = fleet.spec.start;
    const command = { work: 'before', where: 'start.before', argv: before!, timeoutMs } as const;
    await this.#run(slot, command, () =>
      prepareDone(fleet, slot, 'start.before exited 0', services.host.now(), true),
    );
  }

  /** Ends the command of a slot: the slot or the command has changed. */
  abort(slot: number, reason: string): void {
    const { fleet, name, services } = this.#context;
    abortSent(fleet, slot, services.host.now());
    services.journal.slot('kill', name, slot, `the command that precedes its start: ${reason}`);
    this.#running.get(slot)?.abort();
  }

  /** The supervisor ends: the next one runs what was cut off again. */
  stop(): void {
    for (const ending of this.#running.values()) ending.abort();
  }

  async #run(slot: number, { work, where, argv, timeoutMs }: Preceding, done: () => void): Promise<void> {
    const context = this.#context;
    const { fleet, name, services } = context;
    const { host, journal } = services;
    const paths = context.slotPaths(slot);
    const ending = new AbortController();
    this.#running.set(slot, ending);
    try {
      const account = accountFor(host.processes.users, fleet.spec.user, slot);
      prepareBegun(fleet, slot, work, host.now());
      await host.files.handOver(paths, account);
      host.files.readySlot(paths, account);
      const output = context.watch(Output).ofErrand(slot);
      const launch = helperLaunch(launchWorld(context, slot), { argv, where, output }, account);
      const end = ending.signal.aborted ? null : await host.processes.run(launch, timeoutMs, ending.signal);
      if (context.signal.aborted) return;
      if (ending.signal.aborted) prepareAborted(fleet, slot, host.now());
      else if (end?.code === 0) {
        done();
        journal.slot('prepare', name, slot, `${where} exited 0`);
      } else
        throw new Error(`${where} ${end ? describeExit(end) : `killed after ${formatDuration(timeoutMs)}`}`);
    } catch (error) {
      failStart(context, slot, error as Error);
    } finally {
      this.#running.delete(slot);
    }
    context.wake();
  }
}
