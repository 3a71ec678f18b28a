import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { findCgroupMount } from '../../src/host/proc/cgroup.ts';
import { readProcText } from '../../src/host/proc/read.ts';
import { readIdentity } from '../../src/host/state/identity.ts';
import { endTree } from '../cgroups.ts';
import { launch, run } from '../commands.ts';
import type { MeasureName } from '../measures/all.ts';
import { PACKAGE } from '../package.ts';
import { agentArgs, MARK } from '../place.ts';
import { untilTrue } from '../waiting.ts';
import { type Command, Contestant } from './contestant.ts';

const bin = (name: string) => `${PACKAGE}/bin/${name}`;

/** This project, without pacing; its supervisor is up before the agents are asked for. */
export class Fleetd extends Contestant {
  readonly name: string = 'fleetd';
  override readonly canTakeOver: boolean = true;

  async version(): Promise<string> {
    return (await this.#fleetctl('--version')).trim();
  }

  override async prepare(): Promise<void> {
    this.writeSpec();
    await this.startSupervisor();
    await untilTrue(
      () =>
        this.#fleetctl('status').then(
          () => true,
          () => false,
        ),
      this.place.timeoutMs,
      () => 'fleetd answers',
    );
  }

  async start(): Promise<void> {
    await this.#fleetctl('spawn', '-f', this.#spec);
  }

  async stop(): Promise<void> {
    await this.#fleetctl('kill', '--all');
  }

  override async knownAgents(): Promise<Set<number>> {
    const { agents } = JSON.parse(await this.#fleetctl('ps', '--json')) as {
      agents: { pid: number | null }[];
    };
    return new Set(agents.flatMap(({ pid }) => pid ?? []));
  }

  override supervisors(): number[] {
    return [Number(readFileSync(join(this.#stateDir, 'fleetd.lock'), 'utf8'))];
  }

  override async startSupervisor(): Promise<void> {
    await launch(this.place, bin('fleetd'), [], this.#env);
  }

  /** The launcher has an empty environment, and so no mark, but it is a child of the supervisor. */
  override processes(): number[] {
    const marked = super.processes();
    return [...marked, ...marked.flatMap(launchersOf)];
  }

  override status(): Command {
    return this.#shown('status');
  }

  override otherCommands(): Partial<Record<MeasureName, Command>> {
    return { version: this.#shown('--version'), node: [process.execPath, '-e', '0'] };
  }

  /**
   * The cgroups of agents that were ended together with their supervisor, and in them any whose start was under way: it
   * bears no mark yet.
   */
  override async cleanUp(): Promise<void> {
    const mount = findCgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'));
    const { identity } = readIdentity(join(this.#stateDir, 'identity'));
    if (mount !== null && identity) await endTree(`${mount}/fleetd-${identity.id}`, this.place.timeoutMs);
  }

  protected writeSpec(): void {
    const { agents, portBase, busybox, directory } = this.place;
    const spec = {
      name: 'bench',
      command: [busybox, ...agentArgs('{port}')],
      env: { [MARK]: directory },
      target: agents,
      ports: { base: portBase, protocol: 'tcp' },
      rounds: { parallel: agents, delay: '0s' },
      ready: { tcp: true },
      restart: { backoff: { min: '1ms' }, storm: 'off' },
      stop: { grace: '30s', parallel: agents },
      logs: { to: 'null' },
    };
    writeFileSync(this.#spec, stringify(spec));
  }

  async #fleetctl(...args: string[]): Promise<string> {
    return (await run(this.place, bin('fleetctl'), args, this.#env)).stdout;
  }

  #shown(word: string): Command {
    return ['env', ...Object.entries(this.#env).map((pair) => pair.join('=')), bin('fleetctl'), word];
  }

  get #spec(): string {
    return join(this.place.directory, 'fleet.yaml');
  }

  get #stateDir(): string {
    return join(this.place.disk, 's');
  }

  get #env(): Record<string, string> {
    return { FLEETD_STATE_DIR: this.#stateDir, FLEETD_RUNTIME_DIR: join(this.place.directory, 'r') };
  }
}

function launchersOf(pid: number): number[] {
  const children = readProcText(`/proc/${pid}/task/${pid}/children`) ?? '';
  const isLauncher = (child: number) => readProcText(`/proc/${child}/cmdline`) === 'fleetd-launcher\0';
  return children.split(' ').filter(Boolean).map(Number).filter(isLauncher);
}

/** The same from nothing: `fleetctl spawn` starts the supervisor first. */
export class ColdFleetd extends Fleetd {
  override readonly name = 'fleetd, from nothing';
  override readonly kind = 'start only';
  override readonly canTakeOver = false;

  override async prepare(): Promise<void> {
    this.writeSpec();
  }
}
