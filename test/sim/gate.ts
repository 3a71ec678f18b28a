import { readFileSync, writeFileSync } from 'node:fs';
import { FleetError } from '../../src/errors/fleet-error.ts';
import type { RunRecord } from '../../src/fleet/records.ts';
import { EventStore } from '../../src/store/events.ts';
import { RunStore, type Urgency } from '../../src/store/runs.ts';
import { WantedStore } from '../../src/store/wanted.ts';
import type { StoredChange } from '../../src/store/wanted-tables.ts';

/** The supervisor was killed here. What still runs of it finds nothing that it could do. */
export class Crash extends Error {}

/**
 * Where a supervisor's doings leave its memory: each call of the host or the store goes through here, so that it can be
 * killed before any of them, and the disk can fail at any write.
 */
export class Gate {
  isDead = false;
  isDiskFull = false;
  /** Called before slots are written to be prepared. */
  onPrepared: (fleet: string, slots: readonly number[]) => void = () => {};
  #left = Number.POSITIVE_INFINITY;
  readonly #trace: (line: string) => void;

  constructor(trace: (line: string) => void) {
    this.#trace = trace;
  }

  /** It is killed after so many more steps. */
  crashAfter(steps: number): void {
    this.#left = steps;
  }

  /** Whether the next step is the last one. */
  get isEnding(): boolean {
    return this.#left < 1;
  }

  /** A step that the world can see. @throws Crash where the supervisor is dead, or dies now */
  step(what: string): void {
    if (!this.isDead && this.#left-- >= 1) {
      this.#trace(what);
      return;
    }
    if (!this.isDead) this.#trace(`✗ killed before: ${what}`);
    this.isDead = true;
    throw new Crash(what);
  }

  /** @throws FleetError as the store does on a full disk */
  write(what: string): void {
    this.step(what);
    if (!this.isDiskFull) return;
    this.#trace(`  the disk is full`);
    throw new FleetError('LIMIT_REACHED', `cannot write: no space (${what})`);
  }
}

/** The wanted state on a disk that fails, of a supervisor that may die at any write, also between file and copy. */
export class MortalWantedStore extends WantedStore {
  readonly #gate: Gate;
  readonly #copyPath: string;

  constructor(path: string, copyPath: string, gate: Gate) {
    super(path, copyPath);
    this.#gate = gate;
    this.#copyPath = copyPath;
  }

  override write(name: string, change: StoredChange): void {
    this.#gate.write(`store.write ${name} ${describe(change)}`);
    if (change.record || change.release || change.slots || change.forgotten)
      this.#copied(() => super.write(name, change));
    else {
      this.#gate.onPrepared(name, change.prepared ?? []);
      super.write(name, change);
    }
  }

  override remove(name: string): void {
    this.#gate.write(`store.remove ${name}`);
    this.#copied(() => super.remove(name));
  }

  /** One that dies now has committed, but the copy is still the one before. */
  #copied(work: () => void): void {
    const before = this.#gate.isEnding ? readFileSync(this.#copyPath) : null;
    work();
    if (before) writeFileSync(this.#copyPath, before);
    this.#gate.step('store: copied');
  }
}

/** The notes of who runs where. */
export class MortalRunStore extends RunStore {
  readonly #gate: Gate;
  /** Those that are waiting. */
  readonly #noted = new Map<string, Urgency>();
  /** Notes wait that the disk did not take. */
  hasFailed = false;

  constructor(path: string, bootId: string, gate: Gate) {
    super(path, bootId);
    this.#gate = gate;
  }

  override set(fleet: string, slot: number, record: RunRecord | null, urgency: Urgency = 'now'): void {
    super.set(fleet, slot, record, urgency);
    const key = `${fleet}/${slot}`;
    this.#noted.set(key, this.#noted.get(key) === 'now' ? 'now' : urgency);
  }

  override flush(urgency: Urgency = 'soon'): void {
    if (this.#noted.size === 0 || (urgency === 'now' && ![...this.#noted.values()].includes('now'))) return;
    this.hasFailed ||= this.#gate.isDiskFull;
    this.#gate.write(`runs.flush ${[...this.#noted.keys()]}`);
    super.flush(urgency);
    this.#noted.clear();
    this.hasFailed = false;
  }
}

/** Events, which nobody reads here. */
export class MortalEventStore extends EventStore {
  readonly #gate: Gate;

  constructor(path: string, gate: Gate) {
    super(path);
    this.#gate = gate;
  }

  override flush(): void {
    if (this.#gate.isDead) throw new Crash('events.flush');
    if (this.#gate.isDiskFull) throw new Error('no space left on device');
    super.flush();
  }
}

function describe({
  record,
  release,
  slots = [],
  forgotten = [],
  prepared = [],
  completed = [],
}: StoredChange): string {
  const parts = [
    ...(record
      ? [
          `fleet(release ${record.release.slice(0, 4)}, hold ${record.hold?.by ?? 'none'}, rollout ${record.rollout?.id ?? 0} ${record.rollout?.state ?? ''}${record.recreate ? ', recreate' : ''})`,
        ]
      : []),
    ...(release ? [`+release ${release.id.slice(0, 4)}`] : []),
    ...slots.map(
      ({ slot, wanted, release: id, generation }) =>
        `${slot}${wanted ? '' : ':unwanted'}:${id.slice(0, 4)}/${generation}`,
    ),
    ...forgotten.map((id) => `-release ${id.slice(0, 4)}`),
    ...prepared.map((slot) => `prepared ${slot}`),
    ...completed.map((slot) => `completed ${slot}`),
  ];
  return parts.join(' ');
}
