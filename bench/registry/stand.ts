import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { AgentsDocument } from '../../src/api/agents.ts';
import type { FleetStatus } from '../../src/api/fleets.ts';
import { type Client, clientOf } from '../../src/cli/client.ts';
import { Registry } from './registry.ts';
import type { Scene, Way } from './scenes.ts';

const FLEETCTL = new URL('../../bin/fleetctl', import.meta.url).pathname;
/** An agent that is not registered in time exits. */
const TIMEOUT_MS = 10_000;
const COMMAND_MS_MAX = 60_000;
const LOOK_MS = 50;
/** What `spawn --timeout` exits with where the fleet is not ready by then. */
const EXIT_DEGRADED = 4;
const run = promisify(execFile);

/** How many agents might be starting at a time. */
export interface PaceSample {
  atMs: number;
  limit: number;
}

/** What a wait for the fleet came to. */
export interface Wait {
  /** Null where it was given up. */
  seconds: number | null;
  ready: number;
  pace: PaceSample[];
  holds: number;
}

/** One fleet under a supervisor of its own, and the registry that each of its agents must reach. */
export class Stand {
  readonly registry: Registry;
  readonly #scene: Scene;
  readonly #portBase: number;
  readonly #root: string;
  readonly #client: Client;

  /** @param portBase the registry's port; the agents' follow */
  constructor(scene: Scene, portBase: number) {
    this.#scene = scene;
    this.#portBase = portBase;
    this.registry = new Registry(scene.ability);
    this.#root = mkdtempSync(join(tmpdir(), 'fb-'));
    this.#client = clientOf(join(this.#env.FLEETD_RUNTIME_DIR!, 'fleetd.sock'));
  }

  /** The supervisor comes up, with an empty fleet: its own start is another bench's. */
  async prepare(way: Way, agent: string): Promise<void> {
    const spec = {
      name: 'web',
      command: [agent, String(this.#portBase), '{port}', String(TIMEOUT_MS)],
      ports: { base: this.#portBase + 1, protocol: 'tcp' },
      ready: { tcp: true, timeout: '60s' },
      target: 0,
      ...way.spec,
    };
    writeFileSync(join(this.#root, 'fleet.json'), JSON.stringify(spec));
    await this.registry.start(this.#portBase);
    await this.#fleetctl('spawn', '0', '-f', 'fleet.json');
  }

  /** Asks for the whole fleet; does not wait for it. */
  async spawn(): Promise<void> {
    this.registry.begin();
    // What a user would type; it is told to look away at once, and the work goes on.
    await this.#fleetctl('spawn', String(this.#scene.agents), '--timeout', '1ms').catch((error) => {
      if ((error as { code?: number }).code !== EXIT_DEGRADED) throw error;
    });
  }

  /** Waits until so many agents are ready. @param begunMs when the clock started (performance.now) */
  async untilReady(count: number, begunMs: number, secondsMax: number): Promise<Wait> {
    const wait: Wait = { seconds: null, ready: 0, pace: [], holds: 0 };
    let wasHeld = false;
    for (;;) {
      const { ready, pace, held } = await this.#status();
      const atMs = performance.now() - begunMs;
      wait.ready = ready;
      if (pace) wait.pace.push({ atMs, limit: pace.limit });
      if (held && !wasHeld) wait.holds++;
      wasHeld = held !== null;
      if (ready >= count && this.registry.members >= count) return { ...wait, seconds: atMs / 1_000 };
      if (atMs > 1_000 * secondsMax) return wait;
      await sleep(LOOK_MS);
    }
  }

  /** Kills every agent. */
  async crash(): Promise<void> {
    for (const { pid } of (await this.#agents()).agents) if (pid !== null) process.kill(pid, 'SIGKILL');
  }

  /** The registry goes away with all it knows, and comes back after so long. */
  async restartRegistry(downMs: number): Promise<void> {
    await this.registry.stop();
    await sleep(downMs);
    await this.registry.start(this.#portBase);
  }

  /** How many times agents have come back, for whatever reason. */
  async restarts(): Promise<number> {
    return (await this.#agents()).agents.reduce((sum, { restarts }) => sum + restarts, 0);
  }

  /** Ends all that was started, and removes what it wrote. */
  async close(): Promise<void> {
    await this.#fleetctl('shutdown', '--with-agents').catch((error) =>
      process.stderr.write(`${error.message}\n`),
    );
    await this.registry.stop();
    rmSync(this.#root, { recursive: true, force: true });
  }

  async #status(): Promise<FleetStatus> {
    return (await this.#client.call('status')).fleets[0]!;
  }

  #agents(): Promise<AgentsDocument> {
    return this.#client.call('agents');
  }

  #fleetctl(...args: string[]): Promise<unknown> {
    return run(FLEETCTL, args, { env: this.#env, cwd: this.#root, timeout: COMMAND_MS_MAX });
  }

  get #env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      FLEETD_STATE_DIR: join(this.#root, 's'),
      FLEETD_RUNTIME_DIR: join(this.#root, 'r'),
    };
  }
}
