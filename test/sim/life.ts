import { Commands } from '../../src/daemon/commands/commands.ts';
import { recover } from '../../src/daemon/supervisor/recovery.ts';
import { Supervisor } from '../../src/daemon/supervisor/supervisor.ts';
import { FleetError } from '../../src/errors/fleet-error.ts';
import { pathsIn } from '../../src/specification/paths.ts';
import { ReadingStore } from '../../src/store/samples.ts';
import { FakeHost, type HostWorld } from './fake-host.ts';
import { Crash, MortalEventStore, MortalRunStore, MortalWantedStore } from './gate.ts';

/** Samples of memory decide nothing here: one store for all runs, and for every supervisor in them. */
class SharedSamples extends ReadingStore {
  override close(): void {}
}
let samples: SharedSamples | undefined;

/** One supervisor from its start to its end, with everything that is lost with it. */
export class Life {
  readonly host: FakeHost;
  readonly supervisor: Supervisor;
  readonly commands!: Commands;
  readonly store: MortalWantedStore;
  readonly #runs: MortalRunStore;
  readonly #close: () => void;

  /**
   * Starts a supervisor as daemon.ts does. It may die while it recovers.
   * @param onDefect called with what only a defect of the code under test can be
   */
  constructor(world: HostWorld, directory: string, onDefect: (what: string) => void) {
    const { gate } = world;
    const paths = pathsIn(directory, `${directory}/run`);
    this.store = new MortalWantedStore(paths.database, paths.copy, gate);
    world.stored(this.store);
    const events = new MortalEventStore(':memory:', gate);
    const runs = new MortalRunStore(paths.runDatabase, world.kernel.bootId, gate);
    this.#runs = runs;
    samples ??= new SharedSamples(':memory:');
    this.#close = () => {
      for (const store of [this.store, events, runs]) store.close();
    };
    for (const notice of [...this.store.notices, runs.notice]) if (notice) onDefect(notice);
    this.host = new FakeHost(world);
    const parts = { host: this.host, paths, store: this.store, runs, events, readings: samples };
    this.supervisor = new Supervisor({ ...parts, log: logger(onDefect) });
    try {
      recover(this.supervisor, this.store.load(), runs);
      // As daemon.ts does: what was to be deleted is told by what was recovered.
      this.commands = new Commands(this.supervisor);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  }

  /** Everything of it is gone; its files are as they were. @returns whether notes are lost that the disk did not take */
  bury(): boolean {
    this.#close();
    return this.#runs.hasFailed;
  }
}

/** A step that fails for another reason than the disk, the host or the end of the supervisor is a defect. */
function logger(onDefect: (what: string) => void) {
  const error = (fields: { err?: unknown; error?: unknown }) => {
    const { err } = fields;
    if (err instanceof Error && !(err instanceof FleetError) && !(err instanceof Crash)) onDefect(err.stack!);
  };
  const silent = () => {};
  return { error, fatal: error, warn: silent, info: silent, debug: silent } as unknown as Supervisor['log'];
}
