import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FleetEvent } from '../../src/api/events.ts';
import { clientOf } from '../../src/cli/client.ts';
import { FleetError } from '../../src/errors/fleet-error.ts';
import { ERRORS } from '../../src/errors/table.ts';
import { isRunning, until, World } from '../e2e/harness.ts';
import { randomOf } from '../long/crashes.ts';
import { readAgents } from './kernel.ts';

export const FLEET = 'chaos';
const AGENT = new URL('agent.pl', import.meta.url).pathname;
/** The state directory is a file system of its own, so that it can be filled; three hundred agents need a tenth of it. */
const STATE_SIZE = '64m';

const POLL_MS = 200;
const ROOM_BYTES_MIN = 2 ** 20;
/** fleetctl's exit code where no supervisor answers. */
const AWAY = ERRORS.SUPERVISOR_AWAY.exitCode;

/** How large a fleet is, where its ports begin, and what chance begins with. */
export interface ArenaOptions {
  agents: number;
  portBase: number;
  seed: number;
  /** How long the supervisor may take to find out about a fault, and the fleet to come to rest, on a busy machine. */
  patienceMs: number;
}

/** A real fleet with all that faults need to know of it, and the choice of chance, which is the same for the same seed. */
export class Arena {
  readonly world = new World();
  readonly portBase: number;
  readonly random: () => number;
  /** What the last command that was acknowledged asked for. */
  target: number;
  /** The supervisor that is to be running; null where a fault has ended it. */
  supervisor: number | null = null;
  /** The lowest target since all was at rest: slots above it may have gone and come back. */
  targetMin: number;
  /** How many agents the fleet has about, all the time. */
  readonly size: number;
  /** Which process was in which slot when all was at rest. */
  readonly pids = new Map<number, number>();
  /** What was lost; none of it may ever be. */
  readonly losses: string[] = [];
  /** Whether its agents are in sandboxes. */
  readonly isBoxed: boolean;
  readonly #patienceMs: number;
  #begun = '';
  readonly #told = new Map<string, FleetEvent>();
  readonly #client = clientOf(join(this.world.runtimeDir, 'fleetd.sock'));

  constructor({ agents, portBase, seed, patienceMs }: ArenaOptions) {
    this.size = agents;
    this.target = agents;
    this.targetMin = agents;
    this.portBase = portBase;
    this.#patienceMs = patienceMs;
    this.isBoxed = this.isRoot && seed % 2 === 1 && existsSync('/usr/bin/bwrap');
    this.random = randomOf(seed);
  }

  get isRoot(): boolean {
    return process.getuid!() === 0;
  }

  /** Brings the fleet up. */
  async open(): Promise<void> {
    mkdirSync(this.world.stateDir);
    if (this.isRoot)
      execFileSync('mount', [
        '-t',
        'tmpfs',
        '-o',
        `size=${STATE_SIZE},mode=711`,
        'tmpfs',
        this.world.stateDir,
      ]);
    await this.world.ok('spawn', String(this.target), '-f', this.writeSpec());
    this.supervisor = this.world.supervisorPid();
  }

  /** Ends all of it, whatever has happened. */
  async close(): Promise<void> {
    await this.world.endAll();
    if (this.isRoot) execFileSync('umount', ['-l', this.world.stateDir]);
    await this.world.dispose();
  }

  /** Writes the fleet's spec, with an environment of this kind. @returns its path */
  writeSpec(env: Record<string, string> = {}): string {
    return this.world.write(
      'fleet.json',
      JSON.stringify({
        name: FLEET,
        command: [AGENT, '{port}', '{socket}'],
        ports: { base: this.portBase, protocol: 'tcp' },
        rounds: { parallel: 50, delay: '100ms' },
        ready: { http: '/', timeout: '10s' },
        health: { every: '2s', failures: 2 },
        restart: { backoff: { min: '200ms', max: '2s' } },
        stop: { grace: '2s' },
        reload: { signal: 'SIGHUP' },
        env,
        ...(this.isBoxed && { sandbox: {} }),
      }),
    );
  }

  /** A whole number from `low` to `high`. */
  number(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  choose<T>(choices: readonly T[]): T {
    return choices[this.number(0, choices.length - 1)]!;
  }

  /** Up to `count` agents that run now, of slots that are wanted. */
  agents(count: number): { slot: number; pid: number }[] {
    const running = [...this.pids].map(([slot, pid]) => ({ slot, pid })).filter(({ pid }) => isRunning(pid));
    return Array.from(
      { length: Math.min(count, running.length) },
      () => running.splice(this.number(0, running.length - 1), 1)[0]!,
    );
  }

  /** Those of the slots that were wanted all the time: of another one, a supervisor that comes back has nothing to tell. */
  wantedOf(slots: readonly number[]): number[] {
    return slots.filter((slot) => slot < this.targetMin);
  }

  portOf(slot: number): number {
    return this.portBase + slot;
  }

  socketOf(slot: number): string {
    return join(this.world.runtimeDir, FLEET, String(slot), 'agent.sock');
  }

  /** Asks for another target. What is acknowledged holds from then on, and what is refused must have changed nothing. */
  async setTarget(target: number): Promise<void> {
    try {
      await this.#client.call('spawn', { fleet: FLEET }, { target });
      this.adopt(target);
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
    }
  }

  /** From now on this is the target. */
  adopt(target: number): void {
    this.target = target;
    this.targetMin = Math.min(this.targetMin, target);
  }

  /** Whether what is wanted is on disk twice, and there is room to write one of them anew. */
  canRestore(): boolean {
    const { stateDir } = this.world;
    const { bavail, bsize } = statfsSync(stateDir);
    const areThere = ['fleetd.db', 'wanted.json'].every((name) => existsSync(join(stateDir, name)));
    return areThere && bavail * bsize > ROOM_BYTES_MIN;
  }

  /** Waits until a condition holds that a fault leads to; that it does not is a loss. */
  async until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    await until(condition, this.#patienceMs, what).catch((error: Error) => this.lose(error.message));
  }

  /** How often the supervisor was killed on purpose. */
  kills = 0;

  /** kill −9 of the supervisor. */
  async killSupervisor(): Promise<void> {
    this.kills++;
    this.supervisor = null;
    await this.world.killSupervisor();
  }

  /** Makes sure that a supervisor runs and answers, by one of the ways in which it would come back. */
  async revive(): Promise<void> {
    const args = this.choose([['watchdog'], ['spawn', '--timeout', '1s']]);
    await this.until(async () => {
      if (this.world.supervisorPid() === null) await this.world.fleetctl(...args);
      return (await this.world.fleetctl('status')).code !== AWAY;
    }, 'a supervisor answers');
    const found = this.world.supervisorPid();
    // Asked only now: one that is dying is still there for a moment.
    if (this.supervisor !== null && found !== this.supervisor)
      this.lose(`supervisor ${this.supervisor} ended by itself`);
    this.supervisor = found;
  }

  /** Waits until exactly the target is ready. @returns why it is not, or null */
  async settle(): Promise<string | null> {
    const deadline = Date.now() + this.#patienceMs;
    for (;;) {
      const problem = await this.#unrest();
      if (problem === null || Date.now() > deadline) return problem;
      await sleep(POLL_MS);
    }
  }

  async #unrest(): Promise<string | null> {
    const { code, stdout, stderr } = await this.world.fleetctl('status', '--json');
    if (code === AWAY) return `no supervisor: ${stderr}`;
    const { fleets } = JSON.parse(stdout) as { fleets: { [count: string]: unknown }[] };
    const { target, ready, running, held } = fleets.find(({ name }) => name === FLEET) ?? {};
    const isAtRest =
      target === this.target && ready === this.target && running === this.target && held === null;
    return isAtRest ? null : `target ${this.target}, status says ${stdout.trim()}`;
  }

  /** All is at rest: notes which process is in which slot, and begins a round. */
  begin(): void {
    this.#begun = new Date().toISOString();
    this.#told.clear();
    this.targetMin = this.target;
    this.pids.clear();
    for (const [slot, pids] of readAgents(this)) this.pids.set(slot, pids[0]!);
  }

  /** The events of this round, those included whose file was lost since they were last asked for. */
  async events(): Promise<FleetEvent[]> {
    for (const event of await this.world.events())
      if (event.at >= this.#begun) this.#told.set(`${event.at} ${event.seq} ${event.reason}`, event);
    return [...this.#told.values()];
  }

  /** Notes something that was lost. */
  lose(what: string): void {
    this.losses.push(what);
  }
}
