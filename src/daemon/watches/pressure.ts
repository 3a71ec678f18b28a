import { dirname } from 'node:path';
import { judgePressure } from '../../fleet/pressure.ts';
import type { Host } from '../../host/host.ts';
import { AGENT_PATH } from '../fleet/launch.ts';
import type { Managed } from '../fleet/managed.ts';
import type { Journal } from '../journal.ts';

/** The host's memory is looked at so often, and before starts. */
const LOOK_MS = { idle: 1_000, starting: 100 } as const;
const HOOK_TIMEOUT_MS = 30_000;

/** What the watch needs from the supervisor. */
interface Parts {
  host: Host;
  journal: Journal;
  wake: (managed: Managed) => void;
}

/** Keeps fleets whose spec has `pressure` from starting anything while the host's memory is short. */
export class PressureWatch {
  readonly #parts: Parts;
  readonly #fleets = new Set<Managed>();
  /** The hook that runs for a fleet: a second one waits for it, so that `end` is not overtaken by a slow `begin`. */
  readonly #hooks = new WeakMap<Managed, Promise<void>>();
  #timer: NodeJS.Timeout | null = null;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Watches for a fleet, or ceases to, as its spec says now. */
  followSpec(managed: Managed): void {
    if (!managed.fleet.spec.pressure) {
      this.forget(managed);
      return;
    }
    this.#fleets.add(managed);
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS.idle);
    this.#look();
  }

  /** Ceases to watch for a fleet; what held it back does so no longer. */
  forget(managed: Managed): void {
    if (!this.#fleets.delete(managed)) return;
    if (managed.fleet.pressure)
      this.#parts.journal.note('pressure', managed.name, 'memory is not watched any more');
    managed.fleet.pressure = null;
    if (this.#fleets.size === 0) this.stop();
  }

  /** To be called before starts: memory goes fast while many agents come up. */
  beforeStarts(managed: Managed): void {
    if (!this.#fleets.has(managed) || performance.now() - this.#lookedAt < LOOK_MS.starting) return;
    const { pending, returning, replaceable } = managed.fleet.queues;
    if (pending.size + returning.size + replaceable.size > 0) this.#look();
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  #look(): void {
    const { host, journal, wake } = this.#parts;
    this.#lookedAt = performance.now();
    const memory = host.memory.readMemory();
    for (const managed of this.#fleets) {
      const { fleet, name } = managed;
      const before = fleet.pressure;
      fleet.pressure = judgePressure(before, memory, fleet.spec.pressure!.availablePercent, host.now());
      if ((before === null) === (fleet.pressure === null)) continue;
      const what = fleet.pressure ? `no starts: ${fleet.pressure.reason}` : 'memory is available again';
      if (fleet.pressure) fleet.adaptive?.shortage('memory is short', host.now());
      journal.note('pressure', name, what);
      this.#callHook(managed, fleet.pressure ? 'begin' : 'end');
      wake(managed);
    }
  }

  #callHook(managed: Managed, phase: 'begin' | 'end'): void {
    const before = this.#hooks.get(managed) ?? Promise.resolve();
    this.#hooks.set(
      managed,
      before.then(() => this.#runHook(managed, phase)),
    );
  }

  /** Tells `pressure.hook`, in the variable FLEET_PRESSURE, that memory has become short (begin) or is so no more (end). */
  async #runHook({ fleet: { spec }, record, name }: Managed, phase: 'begin' | 'end'): Promise<void> {
    const { host, journal } = this.#parts;
    const argv = spec.pressure?.hook;
    if (!argv) return;
    try {
      const path = host.files.findExecutable(argv[0]!, record.baseDir, AGENT_PATH, 'pressure.hook[0]');
      const env = { PATH: AGENT_PATH, FLEET_NAME: name, FLEET_PRESSURE: phase };
      await host.processes.runHook([path, ...argv.slice(1)], {
        cwd: dirname(path),
        env,
        timeoutMs: HOOK_TIMEOUT_MS,
      });
    } catch (error) {
      journal.note('pressure', name, `pressure.hook (${phase}) failed: ${(error as Error).message}`);
    }
  }
}
