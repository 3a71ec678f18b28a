import pLimit from 'p-limit';
import type { Accepted } from '../../api/accepted.ts';
import type { ApplyRequest, DrySpawnRequest, PreviewDocument } from '../../api/apply.ts';
import type { SpawnRequest } from '../../api/commands.ts';
import type { RollingUpdateRequest } from '../../api/rollout.ts';
import type { StraysAnswer, StraysRequest } from '../../api/strays.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import type { ErrorCode } from '../../errors/table.ts';
import type { Change } from '../../fleet/change.ts';
import type { Decision } from '../../fleet/decide/decision.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { listSome } from '../../specification/problems.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { commitAndAnswer } from './answer.ts';
import { drySpawn, dryUpdate } from './dry-run.ts';
import { finishRemovals, purgeLeftovers, removeFleet } from './remove.ts';
import { checkReplacing } from './replacing.ts';
import { rollingUpdate } from './rollout.ts';
import { type SpawnWanted, spawnFleets, writtenSpec } from './spawn.ts';
import { actOnStrays } from './strays.ts';

const HOST_FAULTS: ReadonlySet<ErrorCode> = new Set(['LIMIT_REACHED', 'STATE_UNUSABLE']);

/**
 * The commands of users. Each is decided purely (fleet/decide), then committed by the fleet's runner: a refused command
 * has changed nothing, and an answer means that the change is durable. Commands run one after the other.
 */
export class Commands {
  readonly #supervisor: Supervisor;
  readonly #limit = pLimit(1);

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
    finishRemovals(supervisor).catch((error: Error) =>
      supervisor.journal.note('limit', null, `some files could not be deleted: ${error.message}`),
    );
  }

  /** Registers or updates a fleet and sets its target. */
  async spawn(name: string, request: SpawnRequest): Promise<Accepted> {
    const [accepted] = await this.spawnAll([{ name, request }]);
    return accepted!;
  }

  /** Registers or updates several fleets: all of them, or none. */
  spawnAll(wanted: readonly SpawnWanted[]): Promise<Accepted[]> {
    const name = wanted.length === 1 ? wanted[0]!.name : null;
    return this.#queue(name, () => spawnFleets(this.#supervisor, wanted));
  }

  /** The same for what is wanted when its turn comes; nothing if that is nothing. */
  configure(wantedNow: () => readonly SpawnWanted[]): Promise<Accepted[]> {
    return this.#queue(null, async () => {
      const wanted = wantedNow();
      return wanted.length === 0 ? [] : spawnFleets(this.#supervisor, wanted);
    });
  }

  /** The same for the specs of a request. */
  apply({ fleets, force = false }: ApplyRequest): Promise<Accepted[]> {
    const wanted = fleets.map((one) => ({ name: writtenSpec(one)!.spec.name, request: { ...one, force } }));
    return this.spawnAll(wanted);
  }

  /** Shows what a spawn would do. */
  async drySpawn(request: DrySpawnRequest): Promise<PreviewDocument> {
    return { fleets: await this.#queue(null, () => drySpawn(this.#supervisor, request)) };
  }

  /**
   * Commits a decision about a fleet, and answers with the goal to wait for.
   * @throws FleetError EXECUTABLE_UNUSABLE if agents would be replaced, and their successors could not be started
   */
  decide(name: string, decide: (fleet: Fleet, date: Date) => Decision): Promise<Accepted> {
    return this.#withRunner(name, (runner) => {
      const decision = decide(runner.fleet, this.#date);
      checkReplacing(runner, decision.change);
      return commitAndAnswer(runner, decision);
    });
  }

  /** Commits a change of a fleet that needs no waiting; null: nothing to change. */
  change(name: string, decide: (fleet: Fleet, date: Date) => Change | null): Promise<void> {
    return this.#withRunner(name, (runner) => {
      const change = decide(runner.fleet, this.#date);
      if (change) runner.commit(change);
    });
  }

  /** Starts a rolling update. */
  rollingUpdate(name: string, request: RollingUpdateRequest): Promise<Accepted> {
    return this.#withRunner(name, (runner) => rollingUpdate(this.#supervisor, runner, request));
  }

  /** Shows what a rolling update would do. */
  async dryUpdate(name: string, request: RollingUpdateRequest): Promise<PreviewDocument> {
    const preview = await this.#withRunner(name, (runner) => dryUpdate(this.#supervisor, runner, request));
    return { fleets: [preview] };
  }

  /**
   * Removes a fleet at target 0; with its directories also one that was removed before, and left them. The answer comes
   * after everything that must go is deleted.
   * @returns whether there was such a fleet
   */
  async remove(name: string, withDirectories: boolean): Promise<boolean> {
    const supervisor = this.#supervisor;
    // In an object: the queue would wait for a returned promise.
    const { purging, isKnown } = await this.#queue(name, () => {
      if (withDirectories && !supervisor.fleets.has(name))
        return { purging: purgeLeftovers(supervisor, name), isKnown: false };
      return { purging: removeFleet(supervisor, this.get(name), withDirectories), isKnown: true };
    });
    await purging;
    return isKnown;
  }

  /** Adopts or kills processes that look like the fleet's agents. */
  actOnStrays(name: string, request: StraysRequest): Promise<StraysAnswer> {
    return this.#withRunner(name, (runner) => actOnStrays(this.#supervisor, runner, request));
  }

  /** The runner of the fleet of this name. @throws FleetError UNKNOWN */
  get(name: string): FleetRunner {
    const runner = this.#supervisor.fleets.get(name);
    if (runner) return runner;
    const names = [...this.#supervisor.fleets.keys()];
    throw new FleetError(
      'UNKNOWN',
      `there is no fleet "${name}"; ${names.length === 0 ? 'no fleet exists' : `the fleets are ${listSome(names)}`}`,
    );
  }

  get #date(): Date {
    return this.#supervisor.host.date();
  }

  #withRunner<T>(name: string, work: (runner: FleetRunner) => T | Promise<T>): Promise<T> {
    return this.#queue(name, () => work(this.get(name)));
  }

  /** Runs one command at a time. Refusals by the host are reported as events; a user's mistakes only in the answer. */
  async #queue<T>(name: string | null, work: () => T | Promise<T>): Promise<T> {
    try {
      return await this.#limit(work);
    } catch (error) {
      if (error instanceof FleetError && HOST_FAULTS.has(error.code))
        this.#supervisor.journal.note('limit', name, `command refused: ${error.message}`);
      throw error;
    }
  }
}
