import { runOf } from '../../fleet/agent.ts';
import { mainSucceeded } from '../../fleet/transitions.ts';
import { expand } from '../../specification/placeholders.ts';
import type { FleetContext, FleetWatch } from '../fleet/context.ts';
import { launchWorld, placeholdersOf } from '../fleet/launch.ts';
import { after } from '../shared/timers.ts';

/** The interval at which `pidFile` is read while a successor is awaited. */
const POLL_MS = 100;

/**
 * Finds the successor of a main process: the one that the agent names (MAINPID=), or that `pidFile` names once the former
 * has ended.
 */
export class Succession implements FleetWatch {
  readonly #context: FleetContext;
  /** Slots whose successor is awaited. */
  readonly #awaited = new Set<number>();

  constructor(context: FleetContext) {
    this.#context = context;
  }

  /** The agent of a slot has named its main process. @param sender the process that has said so */
  named(slot: number, pid: number, sender: number): void {
    const { fleet, name, services } = this.#context;
    const { agent } = fleet.slot(slot);
    const run = agent.state === 'orphaned' ? agent.was.run : runOf(agent);
    if (run === null || (run.pid === pid && agent.state !== 'orphaned')) return;
    const problem = this.#succeed(slot, pid, sender, 'MAINPID=');
    if (problem !== null)
      services.journal.slot('successor', name, slot, `MAINPID=${pid} is refused: ${problem}`);
  }

  /** The main process of a slot has ended; the fleet knows that before the next turn. */
  exited(slot: number): void {
    setImmediate(() => this.#await(slot));
  }

  #await(slot: number): void {
    const { fleet, signal, services } = this.#context;
    const agent = fleet.slots.get(slot)?.agent;
    if (signal.aborted || agent?.state !== 'orphaned' || this.#awaited.has(slot)) return;
    const pid = this.#readPidFile(slot, agent.was.run.release);
    if (pid !== null && pid !== agent.was.run.pid && this.#succeed(slot, pid, null, 'pidFile') === null)
      return;
    if (services.host.now() >= agent.until) return;
    this.#awaited.add(slot);
    after(POLL_MS, signal, () => {
      this.#awaited.delete(slot);
      this.#await(slot);
    });
  }

  #readPidFile(slot: number, release: string): number | null {
    const world = launchWorld(this.#context, slot, release);
    const { pidFile } = world.spec;
    if (pidFile === null) return null;
    const path = expand(pidFile, placeholdersOf(world.spec, world.release.id, slot, world.paths));
    return world.host.files.readPid(path, world.baseDir);
  }

  /** @returns why it cannot succeed; null if it has */
  #succeed(slot: number, pid: number, sender: number | null, by: string): string | null {
    const { fleet, name, services } = this.#context;
    const { host, journal, checks } = services;
    const result = host.processes.succeed(this.#context.key(slot), pid, sender);
    if (!result.ok) return result.error.message;
    mainSucceeded(fleet, slot, result.value, host.now());
    journal.slot('successor', name, slot, `process ${pid} is its main process from now on (${by})`);
    checks.succeeded(this.#context.key(slot));
    this.#context.noteRun(slot);
    this.#context.wake();
    return null;
  }
}
