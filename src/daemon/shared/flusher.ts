import type { Logger } from 'pino';
import type { Host } from '../../host/host.ts';
import type { Paths } from '../../specification/paths.ts';
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
  /** Files whose last write failed. */
  readonly #failing = new Set<string>();
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
    if (this.attempt(paths.events, () => events.flush())) {
      const dropped = events.takeDropped();
      if (dropped > 0)
        journal.note('limit', null, `${dropped} events were lost while ${paths.events} could not be written`);
      return;
    }
    clearTimeout(this.#timer ?? undefined);
    this.#timer = setTimeout(() => this.events(), FLUSH_MS * 10);
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
        this.#failing.add(path);
        log.error({ error: message }, 'not written');
        journal.note('limit', null, `${message}; retried until it succeeds`);
      }
      return false;
    }
  }
}
