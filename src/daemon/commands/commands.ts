import pLimit from 'p-limit';
import type { Accepted } from '../../api/accepted.ts';
import type { SpawnRequest } from '../../api/commands.ts';
import type { RollingUpdateRequest } from '../../api/rollout.ts';
import type { StraysAnswer, StraysRequest } from '../../api/strays.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import type { ErrorCode } from '../../errors/table.ts';
import type { Change } from '../../fleet/change.ts';
import type { Decision } from '../../fleet/decide/decision.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { carryOut } from './answer.ts';
import { finishRemovals, removeFleet } from './remove.ts';
import { rollingUpdate } from './rollout.ts';
import { spawnFleet } from './spawn.ts';
import { actOnStrays } from './strays.ts';

const HOST_FAULTS: ReadonlySet<ErrorCode> = new Set(['LIMIT_REACHED', 'STATE_UNUSABLE']);

/**
 * What users ask for. A command is decided purely (fleet/decide), then committed by the fleet's runner: what is refused
 * has changed nothing, and what is answered is durable. Commands come one after the other.
 */
export class Commands {
  readonly #supervisor: Supervisor;
  readonly #limit = pLimit(1);

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
    finishRemovals(supervisor).catch((error: Error) =>
      supervisor.journal.note('limit', null, `what was to be deleted is still there: ${error.message}`),
    );
  }

  /** Registers or updates a fleet and sets its target. */
  spawn(name: string, request: SpawnRequest): Promise<Accepted> {
    return this.#queue(name, () => spawnFleet(this.#supervisor, name, request));
  }

  /** Carries out what is decided about a fleet, and answers with what to wait for. */
  decide(name: string, decide: (fleet: Fleet, date: Date) => Decision): Promise<Accepted> {
    return this.#withRunner(name, (runner) => carryOut(runner, decide(runner.fleet, this.#date)));
  }

  /** Carries out what is decided about a fleet where there is nothing to wait for; null: it is so already. */
  change(name: string, decide: (fleet: Fleet, date: Date) => Change | null): Promise<void> {
    return this.#withRunner(name, (runner) => {
      const change = decide(runner.fleet, this.#date);
      if (change) runner.commit(change);
    });
  }

  /** Begins a rolling update. */
  rollingUpdate(name: string, request: RollingUpdateRequest): Promise<Accepted> {
    return this.#withRunner(name, (runner) => rollingUpdate(this.#supervisor, runner, request));
  }

  /** Forgets a fleet at target 0. The answer comes once everything of it that is to go is deleted. */
  async remove(name: string, withDirectories: boolean): Promise<void> {
    // An object: a promise that is returned would be waited for in the queue.
    const { purging } = await this.#withRunner(name, (runner) => ({
      purging: removeFleet(this.#supervisor, runner, withDirectories),
    }));
    await purging;
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
      `there is no fleet ${name}; there ${names.length === 0 ? 'is none' : `are: ${names.join(', ')}`}`,
    );
  }

  get #date(): Date {
    return this.#supervisor.host.date();
  }

  #withRunner<T>(name: string, work: (runner: FleetRunner) => T | Promise<T>): Promise<T> {
    return this.#queue(name, () => work(this.get(name)));
  }

  /** One after the other. What the host refuses is reported to everybody; what a user got wrong, to that user alone. */
  async #queue<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    try {
      return await this.#limit(work);
    } catch (error) {
      if (error instanceof FleetError && HOST_FAULTS.has(error.code))
        this.#supervisor.journal.note('limit', name, `a command was refused: ${error.message}`);
      throw error;
    }
  }
}
