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

/** Writes what may be lost with the power: what runs, in the turn in which it was started, and events a moment later. */
export class Flushing {
  readonly #written: Written;
  /** Files that could not be written the last time. */
  readonly #failing = new Set<string>();
  #timer: NodeJS.Timeout | null = null;

  constructor(written: Written) {
    this.#written = written;
    // Not everything happens in a turn: what a reading, a check or a command found is written as soon.
    written.events.follow(() => this.soon());
  }

  /** Writes the notes of what runs. */
  runs(): void {
    const { paths, runs } = this.#written;
    this.attempt(paths.runDatabase, () => runs.flush());
    this.soon();
  }

  /** Writes the events within a moment. */
  soon(): void {
    this.#timer ??= setTimeout(() => this.events(), FLUSH_MS);
  }

  /** Writes the events that were noted. */
  events(): void {
    const { paths, events, journal } = this.#written;
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

  /** A disk that takes nothing stops no agent and no supervision: it is reported once, and tried again. */
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
        journal.note('limit', null, `${message}; tried again until it can be`);
      }
      return false;
    }
  }
}
