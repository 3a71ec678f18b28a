import type { Logger } from 'pino';
import type { Host } from '../../host/host.ts';
import type { Paths } from '../../specification/paths.ts';
import { formatCount } from '../../specification/units.ts';
import type { EventStore } from '../../store/events.ts';
import type { RunStore } from '../../store/runs.ts';
import type { Journal } from './journal.ts';

/** Events reach their file within this time. */
const FLUSH_MS = 100;

interface Written {
  host: Host;
  paths: Paths;
  runs: RunStore;
  events: EventStore;
  journal: Journal;
  log: Logger;
}

/** Writes what a power cut may lose: starts and ends of agents in their turn, the rest a moment later. */
export class Flusher {
  readonly #written: Written;
  /** Files whose last write failed, and why. */
  readonly #failing = new Map<string, string>();
  /** How many lost events were reported. */
  #reported = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(written: Written) {
    this.#written = written;
    // Not everything happens in a turn: results of readings, checks and commands are written as soon.
    written.events.follow(() => this.soon());
  }

  /** Writes the records of runs. */
  runs(): void {
    const { paths, runs } = this.#written;
    this.attempt(paths.runDatabase, () => runs.flush('now'));
    this.soon();
  }

  /** Writes the events within a moment. */
  soon(): void {
    this.#timer ??= setTimeout(() => this.events(), FLUSH_MS);
  }

  /** Writes the events, and the records that could wait for them. */
  events(): void {
    const { paths, runs, events, journal } = this.#written;
    this.attempt(paths.runDatabase, () => runs.flush());
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    journal.gather();
    const why = this.#failing.get(paths.events);
    if (this.attempt(paths.events, () => events.flush())) {
      this.#reportLost(why);
      return;
    }
    clearTimeout(this.#timer ?? undefined);
    this.#timer = setTimeout(() => this.events(), FLUSH_MS * 10);
  }

  /** Writes everything for the last time; what cannot be written is lost, and the log says so. */
  end(): void {
    this.runs();
    this.events();
    clearTimeout(this.#timer ?? undefined);
    const { events, log } = this.#written;
    const lost = events.lost - this.#reported + events.waiting;
    if (lost > 0) log.error({ lost }, 'events are lost: they could not be written before the end');
  }

  /** Tells of the events that were lost while their file could not be written, once it can be. @param why the failure */
  #reportLost(why: string | undefined): void {
    const { paths, events, journal, log } = this.#written;
    const lost = events.lost - this.#reported;
    if (lost === 0) return;
    this.#reported = events.lost;
    const text = `${formatCount(lost)} events were lost, the oldest that were not written: ${why ?? paths.events}`;
    log.warn({ lost }, text);
    journal.note('limit', null, text);
  }

  /** A failing disk stops neither agents nor supervision: the failure is reported once, and the write retried. */
  attempt(path: string, write: () => void): boolean {
    const { host, journal, log } = this.#written;
    try {
      write();
      if (this.#failing.delete(path)) journal.note('limit', null, `${path} can be written again`);
      return true;
    } catch (error) {
      const { message } = host.facts.explain(`cannot write ${path}`, error, path);
      if (!this.#failing.has(path)) {
        this.#failing.set(path, message);
        log.error({ error: message }, 'not written');
        journal.note('limit', null, `${message}; retried until it succeeds`);
      }
      return false;
    }
  }
}
