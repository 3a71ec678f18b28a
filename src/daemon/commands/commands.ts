import pLimit from 'p-limit';
import type { Accepted, KillRequest, RestartRequest, SpawnRequest } from '../../api/protocol.ts';
import type { RollbackRequest, RollingUpdateRequest, RolloutRequest } from '../../api/rollout.ts';
import type { StraysAnswer, StraysRequest } from '../../api/strays.ts';
import { type ErrorCode, FleetError } from '../../errors.ts';
import { isOver } from '../../fleet/rollout/rollout.ts';
import { toTarget } from '../../fleet/target.ts';
import { formatSlots, parseSlots } from '../../specification/slots.ts';
import { commit } from '../fleet/commit.ts';
import type { Managed } from '../fleet/managed.ts';
import { actOnStrays } from '../strays/strays.ts';
import type { Supervisor } from '../supervisor.ts';
import { actOnRollout, rollBack, rollingUpdate } from './rollout.ts';
import { spawnFleet } from './spawn.ts';

const HOSTS_FAULTS: ReadonlySet<ErrorCode> = new Set(['LIMIT_REACHED', 'STATE_UNUSABLE']);

/**
 * What users ask for. Each command is checked whole, then written, then told to the planner: what is refused has
 * changed nothing, and what is answered is durable. Commands come one after the other.
 */
export class Commands {
  readonly #supervisor: Supervisor;
  readonly #limit = pLimit(1);

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
    this.#finishPurges().catch((error: Error) =>
      supervisor.journal.note('limit', null, `what was to be deleted is still there: ${error.message}`),
    );
  }

  /** Registers or updates a fleet and sets its target. */
  spawn(name: string, request: SpawnRequest): Promise<Accepted> {
    return this.#queue(name, () => spawnFleet(this.#supervisor, name, request));
  }

  /** Lowers the target: by a count from the highest slots down, by just these slots, or to 0. */
  kill(name: string, { count = 0, slots, all }: KillRequest): Promise<Accepted> {
    return this.#queue(name, () => {
      const managed = this.get(name);
      const wanted = managed.fleet.wanted();
      const left = all ? 0 : Math.max(0, wanted.size - count);
      const remove = slots === undefined ? toTarget(wanted, left).remove : this.#named(managed, slots);
      const records = remove.map((slot) => managed.slotRecord(slot, { wanted: false }));
      commit(this.#supervisor, managed, { slots: records });
      const { target } = managed.fleet;
      this.#note(managed, `kill: target ${target}`, remove);
      return { fleet: name, target, notes: [], goal: { kind: 'gone', slots: formatSlots(remove) } };
    });
  }

  /** Makes a restart of slots due, on the release they have or on the newest. */
  restart(name: string, { slots, latest }: RestartRequest): Promise<Accepted> {
    return this.#queue(name, () => {
      const managed = this.get(name);
      const { fleet } = managed;
      if (fleet.hold) throw new FleetError('HELD', `fleet ${name} is held: ${fleet.hold.reason}`);
      const { record } = fleet.rolling;
      if (latest && record && !isOver(record)) {
        throw new FleetError('BUSY', `a rollout of fleet ${name} to release ${record.to} is under way`, {
          hint: 'fleetctl rollout status shows it; fleetctl rollout abort goes back.',
        });
      }
      const chosen = slots === undefined ? [...fleet.wanted()] : this.#named(managed, slots);
      const generation = managed.generation + 1;
      const wish = latest ? { generation, release: fleet.release } : { generation };
      commit(this.#supervisor, managed, { slots: chosen.map((slot) => managed.slotRecord(slot, wish)) });
      for (const slot of chosen) fleet.renew(slot, this.#supervisor.host.now());
      this.#note(managed, latest ? `restart on release ${fleet.release}` : 'restart', chosen);
      const { target } = fleet;
      const goal = { kind: 'restarted', target, slots: formatSlots(chosen), generation } as const;
      return { fleet: name, target, notes: [], goal };
    });
  }

  /** Begins a rolling update. */
  rollingUpdate(name: string, request: RollingUpdateRequest): Promise<Accepted> {
    return this.#queue(name, () => rollingUpdate(this.#supervisor, this.get(name), request));
  }

  /** Pauses or resumes a rollout, or has it go back. */
  actOnRollout(name: string, request: RolloutRequest): Promise<Accepted> {
    return this.#queue(name, () => actOnRollout(this.#supervisor, this.get(name), request));
  }

  /** Goes back to an earlier release. */
  rollBack(name: string, request: RollbackRequest): Promise<Accepted> {
    return this.#queue(name, () => rollBack(this.#supervisor, this.get(name), request));
  }

  hold(name: string): Promise<void> {
    return this.#queue(name, () => {
      const managed = this.get(name);
      if (managed.fleet.hold?.by === 'user') return;
      this.#supervisor.hold(managed, { by: 'user', reason: 'held by fleetctl hold', sample: null });
    });
  }

  resume(name: string): Promise<void> {
    return this.#queue(name, () => {
      const managed = this.get(name);
      if (!managed.fleet.hold) return;
      if (managed.record.spec === null) {
        throw new FleetError('HELD', `the spec of fleet ${name} was lost, so nothing could be started`, {
          hint: 'fleetctl spawn -f FILE tells what is wanted.',
        });
      }
      this.#supervisor.resume(managed, 'resumed by fleetctl resume');
      for (const slot of managed.fleet.slots.keys()) managed.fleet.renew(slot, this.#supervisor.host.now());
    });
  }

  /**
   * Forgets a fleet at target 0; its slots' directories stay unless purged. Their places are free once the fleet is
   * forgotten, so that other commands need not wait for their deletion; the answer comes after it.
   */
  async remove(name: string, withDirectories: boolean): Promise<void> {
    // An object: a promise that is returned would be waited for in the queue.
    const { purging } = await this.#queue(name, () => ({ purging: this.#remove(name, withDirectories) }));
    await purging;
  }

  /** @returns what is kept when everything of it is deleted */
  #remove(name: string, withDirectories: boolean): Promise<unknown> {
    const managed = this.get(name);
    const { store, paths, journal, fleets, host } = this.#supervisor;
    if (managed.fleet.slots.size > 0) {
      throw new FleetError(
        'BUSY',
        `fleet ${name} has target ${managed.fleet.target} and ${managed.fleet.running} agents that run`,
      );
    }
    const others = [...fleets.values()].filter((other) => other !== managed);
    const kept = new Set(others.flatMap((other) => [...other.releases.keys()]));
    const unused = [...managed.releases.keys()].filter((id) => !kept.has(id)).map((id) => paths.release(id));
    const slots = withDirectories ? [paths.fleetDir(name), paths.logDir(name)] : [];
    const aside = host.files.setDirectoriesAside(slots);
    try {
      store.remove(name);
    } catch (error) {
      aside.restore();
      throw error;
    }
    this.#supervisor.forget(managed);
    journal.note(
      'target',
      name,
      withDirectories ? 'removed, directories purged' : 'removed; the directories stay',
    );
    // Not set aside before the fleet is forgotten: after a power cut its agents would be started without their programs.
    const discarding = host.files.discard(unused).catch((error: Error) => {
      // The fleet is removed all the same: an answer that says otherwise would be wrong.
      journal.note('limit', name, `its releases are kept: ${error.message}`);
    });
    return Promise.all([aside.purge(), discarding]);
  }

  /** Deletes what an earlier supervisor was to delete, and had not when it ended; puts back what it was not to. */
  async #finishPurges(): Promise<void> {
    const { paths, fleets, host } = this.#supervisor;
    const releases = new Set([...fleets.values()].flatMap((managed) => [...managed.releases.keys()]));
    await Promise.all([
      host.files.finishPurges(paths.fleets, (name) => fleets.has(name)),
      host.files.finishPurges(paths.logs, (name) => fleets.has(name)),
      host.files.finishPurges(paths.releases, (id) => releases.has(id)),
    ]);
  }

  /** Adopts or kills processes that look like the fleet's agents. */
  actOnStrays(name: string, request: StraysRequest): Promise<StraysAnswer> {
    return this.#queue(name, () => actOnStrays(this.#supervisor, this.get(name), request));
  }

  /** One after the other. What the host refuses is told to everybody; what a user got wrong, to that user alone. */
  async #queue<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    try {
      return await this.#limit(work);
    } catch (error) {
      if (error instanceof FleetError && HOSTS_FAULTS.has(error.code))
        this.#supervisor.journal.note('limit', name, `a command was refused: ${error.message}`);
      throw error;
    }
  }

  /** The fleet of this name. @throws FleetError UNKNOWN */
  get(name: string): Managed {
    const managed = this.#supervisor.fleets.get(name);
    if (managed) return managed;
    const names = [...this.#supervisor.fleets.keys()];
    throw new FleetError(
      'UNKNOWN',
      `there is no fleet ${name}; there ${names.length === 0 ? 'is none' : `are: ${names.join(', ')}`}`,
    );
  }

  /** The slots that a command names. @throws FleetError SLOT_UNKNOWN where one of them is not wanted */
  #named(managed: Managed, text: string): number[] {
    const slots = parseSlots(text);
    const unknown = slots.filter((slot) => managed.fleet.slots.get(slot)?.wanted !== true);
    if (unknown.length === 0) return slots;
    throw new FleetError(
      'SLOT_UNKNOWN',
      `fleet ${managed.name} wants no agent in slots ${formatSlots(unknown)}`,
    );
  }

  #note(managed: Managed, reason: string, slots: readonly number[]): void {
    this.#supervisor.journal.note('target', managed.name, reason, slots);
  }
}
