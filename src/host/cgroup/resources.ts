import { closeSync, constants, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { ExitCause } from '../../fleet/exit.ts';
import { readCgroups } from '../proc/cgroup.ts';
import { isGone, readProcText } from '../proc/read.ts';
import type { CgroupHome } from './home.ts';
import {
  type Controller,
  controllersFor,
  describeUnenforced,
  type LeafSetting,
  leafSettings,
  type MemoryEvents,
  oomCause,
  parseMemoryEvents,
  type Resources,
  subtreeChange,
} from './limits.ts';
import { childrenOf } from './path.ts';
import { UnitMemory } from './unit-memory.ts';

const CONTROLLERS: readonly Controller[] = ['cpu', 'memory', 'pids'];
/** A missing file is not created: O_CREAT would yield EACCES instead of ENOENT. */
const OVERWRITE = constants.O_WRONLY | constants.O_TRUNC;
const NO_EVENTS: MemoryEvents = { oom: 0, oomKill: 0 };

/** A fleet whose spec limits its agents. */
interface LimitedFleet {
  resources: Resources;
  /** The number of agents that there will be. */
  agents: number;
  /** The controllers enabled for its leaves. */
  controllers: ReadonlySet<Controller>;
  settings: readonly LeafSetting[];
  /** The leaves that have these settings. */
  written: Set<string>;
  /** What is not enforced, and why; null if all is. */
  problem: string | null;
}

/**
 * Applies the resources of specs to agents, by the controllers of cgroup v2. Controllers are enabled only down to the
 * fleets that need them: a memory cgroup costs the kernel some tens of kilobytes, for each of ten thousand leaves.
 */
export class CgroupResources {
  readonly #home: CgroupHome;
  readonly #onProblem: (error: Error) => void;
  readonly #units: UnitMemory;
  readonly #fleets = new Map<string, LimitedFleet>();
  /** memory.events of leaves as last read, unless it was all 0: leaves outlive their agents. */
  readonly #events = new Map<string, MemoryEvents>();
  /** The current memory.low of each cgroup above the leaves. */
  readonly #lowBytes = new Map<string, number>();

  constructor(home: CgroupHome, onProblem: (error: Error) => void) {
    this.#home = home;
    this.#onProblem = onProblem;
    this.#units = new UnitMemory(home.units, onProblem);
  }

  /**
   * Sets the limits of each agent of a fleet, and the number of agents. New leaves get them before their agent; existing
   * ones follow soon. A failure is reported, and affects nothing else: the spec has already been accepted.
   */
  set(fleet: string, resources: Resources | null, agents: number): void {
    try {
      this.#set(fleet, resources, agents);
    } catch (error) {
      this.#onProblem(error as Error);
    }
  }

  #set(fleet: string, resources: Resources | null, agents: number): void {
    const wanted = controllersFor(resources);
    const known = this.#fleets.get(fleet);
    if (resources === null || wanted.length === 0) this.#lift(fleet);
    else if (known && known.problem === null && isSame(known.resources, resources)) known.agents = agents;
    else {
      if (!known) this.#readEvents(fleet);
      const limited = this.#enforce(fleet, resources, wanted, agents);
      this.#fleets.set(fleet, limited);
      void this.#renew(fleet, limited);
    }
    this.#protect();
  }

  /** Whether a fleet's cgroup must stay with its controllers, leaves or not. */
  has(fleet: string): boolean {
    return this.#fleets.has(fleet);
  }

  /** The part of a fleet's resources that is not enforced, and why; null if all is. */
  problem(fleet: string): string | null {
    return this.#fleets.get(fleet)?.problem ?? null;
  }

  /** Writes a leaf's limits, before a process moves into it. Costs nothing for fleets without limits. */
  prepare(key: string): void {
    const limited = this.#fleets.get(fleetOf(key));
    if (!limited || limited.written.has(key)) return;
    limited.written.add(key);
    try {
      for (const { file, text, optional } of limited.settings) {
        write(`${this.#home.root}/${key}/${file}`, text, optional);
      }
    } catch (error) {
      // An agent without its limits is better than a process outside its leaf; the next start retries.
      limited.written.delete(key);
      this.#onProblem(error as Error);
    }
  }

  /** Forgets a leaf that was removed. */
  forget(key: string): void {
    this.#fleets.get(fleetOf(key))?.written.delete(key);
    this.#events.delete(key);
  }

  /** Why the kernel has killed in a leaf since the last call; null if it has not. */
  oomSince(key: string): ExitCause | null {
    if (!this.#fleets.get(fleetOf(key))?.controllers.has('memory')) return null;
    const before = this.#events.get(key) ?? NO_EVENTS;
    return oomCause(before, this.#readLeafEvents(key));
  }

  // ── controllers ──

  #enforce(fleet: string, resources: Resources, wanted: Controller[], agents: number): LimitedFleet {
    const { root, parent } = this.#home;
    const path = `${root}/${fleet}`;
    mkdirSync(path, { recursive: true });
    const available = namesIn(`${parent}/cgroup.controllers`);
    const usable = wanted.filter((controller) => available.has(controller));
    const failures = [
      ...[parent, root].flatMap((level) => this.#switch(level, usable, [])),
      ...this.#switch(path, usable, this.#without(fleet, usable)),
    ];
    const on = namesIn(`${path}/cgroup.subtree_control`);
    const controllers = new Set(wanted.filter((controller) => on.has(controller)));
    const missing = wanted.filter((controller) => !controllers.has(controller));
    const why = failures[0] ?? `no such controller in ${parent}${whereElse(missing)}`;
    return {
      resources,
      agents,
      controllers,
      settings: leafSettings(resources, controllers),
      written: new Set(),
      problem: missing.length === 0 ? null : describeUnenforced(missing, why),
    };
  }

  /** The controllers to disable for a fleet, and with them their counts. */
  #without(fleet: string, wanted: readonly Controller[]): Controller[] {
    if (!wanted.includes('memory')) {
      for (const key of this.#events.keys()) if (fleetOf(key) === fleet) this.#events.delete(key);
    }
    return CONTROLLERS.filter((controller) => !wanted.includes(controller));
  }

  /** Removes all limits of a fleet, also those that an earlier supervisor set. */
  #lift(fleet: string): void {
    this.#fleets.delete(fleet);
    const path = `${this.#home.root}/${fleet}`;
    for (const failure of this.#switch(path, [], this.#without(fleet, [])))
      this.#onProblem(new Error(failure));
    this.#setLow(path, 0);
  }

  /** Enables and disables controllers for the cgroups below one, each alone. @returns the failures */
  #switch(cgroup: string, on: readonly Controller[], off: readonly Controller[]): string[] {
    const file = `${cgroup}/cgroup.subtree_control`;
    const enabled = readProcText(file);
    if (enabled === null) return [];
    return subtreeChange(enabled, on, off).flatMap((change) => {
      try {
        writeFileSync(file, change);
        return [];
      } catch (error) {
        return [`${change} in ${file}: ${(error as NodeJS.ErrnoException).code}`];
      }
    });
  }

  // ── existing leaves ──

  /** Next to the loop, leaf by leaf: a memory.max below the use of an agent waits until the kernel reclaimed or killed. */
  async #renew(fleet: string, limited: LimitedFleet): Promise<void> {
    let failure: Error | null = null;
    for (const slot of childrenOf(`${this.#home.root}/${fleet}`)) {
      const key = `${fleet}/${slot}`;
      if (this.#fleets.get(fleet) !== limited) break;
      if (limited.written.has(key)) continue;
      limited.written.add(key);
      for (const { file, text, optional } of limited.settings) {
        await writeFile(`${this.#home.root}/${key}/${file}`, text, { flag: OVERWRITE }).catch((error) => {
          if (!optional && !isGone(error)) failure ??= error;
        });
      }
    }
    if (failure) this.#onProblem(failure);
  }

  /** Events from before this supervisor belong to no exit that it will see. */
  #readEvents(fleet: string): void {
    for (const slot of childrenOf(`${this.#home.root}/${fleet}`)) this.#readLeafEvents(`${fleet}/${slot}`);
  }

  #readLeafEvents(key: string): MemoryEvents {
    const events = parseMemoryEvents(readProcText(`${this.#home.root}/${key}/memory.events`) ?? '');
    if (events.oomKill > 0) this.#events.set(key, events);
    return events;
  }

  // ── memory.low above the leaves ──

  /** A leaf's memory.low is capped by those above it: each gets the sum of the requests below. */
  #protect(): void {
    let sumBytes = 0;
    for (const [fleet, { resources, agents, controllers }] of this.#fleets) {
      if (!controllers.has('memory')) continue;
      const bytes = (resources.memory?.requestBytes ?? 0) * agents;
      this.#setLow(`${this.#home.root}/${fleet}`, bytes);
      sumBytes += bytes;
    }
    this.#setLow(this.#home.root, sumBytes);
    this.#units.set(sumBytes);
  }

  #setLow(cgroup: string, bytes: number): void {
    if ((this.#lowBytes.get(cgroup) ?? 0) === bytes) return;
    this.#lowBytes.set(cgroup, bytes);
    try {
      write(`${cgroup}/memory.low`, String(bytes));
    } catch (error) {
      if (!isGone(error)) this.#onProblem(error as Error);
    }
  }
}

function write(path: string, text: string, optional = false): void {
  try {
    const fd = openSync(path, OVERWRITE);
    try {
      writeSync(fd, text);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (!optional || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** The fleet in a slot's key, `FLEET/SLOT`. */
export function fleetOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}

function namesIn(file: string): Set<string> {
  return new Set(readProcText(file)?.split(/\s+/));
}

function isSame(a: Resources, b: Resources): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A controller is in one hierarchy only: if v1 has it, v2 lacks it. */
function whereElse(controllers: readonly Controller[]): string {
  const lines = readCgroups('self')?.split('\n') ?? [];
  const inV1 = new Set(lines.flatMap((line) => line.split(':')[1]?.split(',') ?? []));
  return controllers.some((controller) => inV1.has(controller))
    ? '; cgroup v1 has it (boot with systemd.unified_cgroup_hierarchy=1)'
    : '';
}
