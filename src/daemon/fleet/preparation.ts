import { describeExit } from '../../fleet/exit.ts';
import { abortSent, prepareAborted, prepareBegun, prepareDone } from '../../fleet/transitions.ts';
import { formatDuration } from '../../specification/units.ts';
import type { FleetContext, FleetWatch } from './context.ts';
import { failStart } from './failed-start.ts';
import { accountFor, helperLaunch, launchWorldWithSecrets } from './launch.ts';
import { Output } from './output.ts';

/** A command that precedes a start. */
interface Preceding {
  work: 'prepare' | 'before';
  /** Its key in the spec. */
  where: string;
  /** Null: there is no command, only a file to be read. */
  argv: readonly string[] | null;
  timeoutMs: number;
}

/** The end of a command that there is not. */
const DONE = { code: 0, signal: null };

/** Runs what precedes a start: `prepare`, once per slot, and `start.before`, once per start. */
export class Preparation implements FleetWatch {
  readonly #context: FleetContext;
  /** Ends the command of a slot. */
  readonly #running = new Map<number, AbortController>();
  /** The variables of slots' own files, from their reading until the start. */
  readonly #secrets = new Map<number, Record<string, string>>();

  constructor(context: FleetContext) {
    this.#context = context;
  }

  /** Runs a slot's `prepare`; its success is written before the slot's first start, so that it never runs again. */
  async prepare(slot: number): Promise<void> {
    const { prepare, prepareTimeoutMs: timeoutMs } = this.#context.fleet.spec;
    const command = { work: 'prepare', where: 'prepare', argv: prepare, timeoutMs } as const;
    await this.#run(slot, command, () => {
      const { host } = this.#context.services;
      // A mark that outlived what was prepared would prevent it from ever being prepared again.
      host.files.persistSlot(this.#context.slotPaths(slot));
      this.#context.commit({ prepared: [slot] });
    });
  }

  /** Reads the slot's own file of variables, and runs its `start.before`. */
  async before(slot: number): Promise<void> {
    const { fleet, services } = this.#context;
    const { before, timeoutMs } = fleet.spec.start;
    const command = { work: 'before', where: 'start.before', argv: before, timeoutMs } as const;
    await this.#run(slot, command, () =>
      prepareDone(fleet, slot, 'start.before exited 0', services.host.now(), true),
    );
  }

  /** Takes the variables of a slot's own file, which were read for this start. */
  takeSecrets(slot: number): Record<string, string> {
    const secrets = this.#secrets.get(slot) ?? {};
    this.#secrets.delete(slot);
    return secrets;
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
      const world = await launchWorldWithSecrets(context, slot);
      if (work === 'before') this.#secrets.set(slot, world.secrets ?? {});
      const run = () => {
        const launch = helperLaunch(
          world,
          { argv: argv!, where, output: context.watch(Output).ofErrand(slot) },
          account,
        );
        return host.processes.run(launch, timeoutMs, ending.signal);
      };
      const end = argv === null ? DONE : ending.signal.aborted ? null : await run();
      if (context.signal.aborted) return;
      if (ending.signal.aborted) prepareAborted(fleet, slot, host.now());
      else if (end?.code === 0) {
        done();
        if (argv !== null) journal.slot('prepare', name, slot, `${where} exited 0`);
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
