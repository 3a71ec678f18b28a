import type { Logger } from 'pino';
import type { ProcessId } from '../../fleet/agent.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { parseSlotKey } from '../../fleet/slot-records.ts';
import type { Host } from '../../host/host.ts';
import type { Paths } from '../../specification/paths.ts';
import type { EventStore } from '../../store/events.ts';
import type { RunStore } from '../../store/runs.ts';
import type { ReadingStore } from '../../store/samples.ts';
import type { WantedStore } from '../../store/wanted.ts';
import { FleetRunner, type MainEnd } from '../fleet/runner.ts';
import { Checks } from '../shared/checks.ts';
import { Flusher } from '../shared/flusher.ts';
import { Journal } from '../shared/journal.ts';
import { Loop } from '../shared/loop.ts';
import type { HasTurn, Observer, Services, Tracing } from '../shared/services.ts';
import { WATCHES } from '../watches/all.ts';
import { Maintenance } from './maintenance.ts';

/** The parts of a supervisor. */
export interface Parts {
  host: Host;
  paths: Paths;
  store: WantedStore;
  runs: RunStore;
  events: EventStore;
  readings: ReadingStore;
  log: Logger;
}

/**
 * The supervisor: the fleets with their runners, and what these share. It passes what the host reports to the fleet that
 * it concerns, and decides nothing.
 */
export class Supervisor implements Services {
  readonly host: Host;
  readonly paths: Paths;
  readonly store: WantedStore;
  readonly runs: RunStore;
  readonly events: EventStore;
  readonly readings: ReadingStore;
  readonly log: Logger;
  readonly journal: Journal;
  readonly checks: Checks;
  readonly maintenance: Maintenance;
  readonly loop: Loop;
  readonly fleets = new Map<string, FleetRunner>();
  observer: Observer = {
    event: () => {},
    exited: () => {},
    ready: () => {},
    alerted: () => {},
    reloaded: () => {},
    signalled: () => {},
    exported: () => {},
  };
  tracing: Tracing | null = null;
  readonly #flusher: Flusher;

  constructor({ host, paths, store, runs, events, readings, log }: Parts) {
    this.host = host;
    this.paths = paths;
    this.store = store;
    this.runs = runs;
    this.events = events;
    this.readings = readings;
    this.log = log;
    this.journal = new Journal(events, () => host.date());
    this.journal.onSlot = (fleet, type, slot, reason) => {
      this.observer.event(fleet, type);
      this.tracing?.happened(fleet, type, slot, reason);
    };
    this.checks = new Checks(host);
    this.maintenance = new Maintenance(store, this.journal, () => host.date());
    this.#flusher = new Flusher({ host, paths, runs, events, journal: this.journal, log });
    this.loop = new Loop(() => this.#flusher.runs());
    host.processes.onExit = (key, exit, failure, left) => this.#onExit(key, { exit, failure, left });
    host.processes.onMain = (key, process) => this.#onMain(key, process);
    host.processes.onEmpty = (key) => this.#onEmpty(key);
    host.processes.onNotify = (key, text, pid) => this.#onNotify(key, text, pid);
    host.processes.onProblem = (error) => log.error({ error: error.message }, 'a problem on the host');
  }

  /** A runner for a fleet, not started yet. */
  runnerOf(fleet: Fleet): FleetRunner {
    return new FleetRunner(fleet, this, WATCHES);
  }

  /** Starts to supervise a fleet. */
  manage(runner: FleetRunner): void {
    this.fleets.set(runner.name, runner);
    runner.start();
  }

  /** Drops a fleet that no longer has agents. */
  forget(runner: FleetRunner): void {
    this.fleets.delete(runner.name);
    runner.stop('removed');
    this.#flusher.attempt(this.paths.samples, () => this.readings.remove(runner.name));
  }

  get isSilenced(): boolean {
    return this.maintenance.state !== null;
  }

  wake(turning: HasTurn): void {
    this.loop.wake(turning);
  }

  keepsRelease(id: string): boolean {
    return this.fleets.values().some(({ fleet }) => fleet.releases.has(id));
  }

  /** Ends the loop, with everything recorded on its way to disk. Agents continue. */
  async stop(): Promise<void> {
    this.loop.stop();
    for (const runner of this.fleets.values()) runner.stop('shutdown');
    this.#flusher.end();
    await this.host.close();
    for (const store of [this.runs, this.events, this.readings, this.store]) store.close();
  }

  #find(key: string): { runner: FleetRunner; slot: number } | null {
    const { name, slot } = parseSlotKey(key);
    const runner = this.fleets.get(name);
    return runner?.fleet.slots.has(slot) ? { runner, slot } : null;
  }

  #onExit(key: string, end: MainEnd): void {
    this.checks.forget(key);
    const found = this.#find(key);
    found?.runner.exited(found.slot, end);
  }

  #onMain(key: string, process: ProcessId): void {
    const found = this.#find(key);
    found?.runner.inSandbox(found.slot, process);
  }

  #onEmpty(key: string): void {
    const found = this.#find(key);
    found?.runner.emptied(found.slot);
  }

  #onNotify(key: string, text: string, pid: number): void {
    this.checks.notified(key, text);
    const found = this.#find(key);
    found?.runner.notified(found.slot, text, pid);
  }
}
