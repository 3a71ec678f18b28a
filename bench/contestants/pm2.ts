import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from '../commands.ts';
import { agentArgs, type Place, portsOf } from '../place.ts';
import { type Command, Contestant } from './contestant.ts';

/** Installed here at the first use; it is not a dependency of this package. */
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fleetd-bench', 'pm2');
const CLI = join(CACHE, 'node_modules/pm2/bin/pm2');

/** pm2 does two actions at a time unless this variable says more (constants.js). */
const ACTIONS_AT_ONCE = '64';

/** pm2, in fork mode, without what it does beside keeping processes: no metrics, no look at git, no logs. */
export class Pm2 extends Contestant {
  readonly name = 'pm2';
  override readonly canTakeOver = true;
  override readonly tools = [{ program: 'npm', get: 'it comes with Node' }];

  async version(): Promise<string> {
    await installOnce(this.place);
    return (
      JSON.parse(readFileSync(join(CACHE, 'node_modules/pm2/package.json'), 'utf8')) as { version: string }
    ).version;
  }

  override async prepare(): Promise<void> {
    await installOnce(this.place);
    const { busybox, directory } = this.place;
    const apps = portsOf(this.place).map((port) => ({
      name: `httpd-${port}`,
      script: busybox,
      args: agentArgs(port),
      interpreter: 'none',
      exec_mode: 'fork',
      cwd: directory,
      out_file: '/dev/null',
      error_file: '/dev/null',
      pid_file: join(directory, 'pids', `${port}`),
      pmx: false,
      vizion: false,
      autorestart: true,
      restart_delay: 0,
    }));
    writeFileSync(this.#config, JSON.stringify({ apps }));
    mkdirSync(join(directory, 'pids'));
  }

  async start(): Promise<void> {
    await this.#pm2('start', this.#config);
  }

  async stop(): Promise<void> {
    await this.#pm2('kill');
  }

  override status(): Command {
    return ['env', ...Object.entries(this.#env).map((pair) => pair.join('=')), process.execPath, CLI, 'ls'];
  }

  override async knownAgents(): Promise<Set<number>> {
    const text = await this.#pm2('jlist');
    const agents = JSON.parse(text.slice(text.indexOf('['))) as {
      pid: number;
      pm2_env: { status: string };
    }[];
    return new Set(agents.filter(({ pm2_env }) => pm2_env.status === 'online').map(({ pid }) => pid));
  }

  /** What it runs is saved first: without that it would start with nothing. */
  override async beforeSupervisorEnds(): Promise<void> {
    await this.#pm2('save');
  }

  override supervisors(): number[] {
    return [Number(readFileSync(join(this.place.directory, 'pm2/pm2.pid'), 'utf8'))];
  }

  override async startSupervisor(): Promise<void> {
    await this.#pm2('resurrect');
  }

  async #pm2(...args: string[]): Promise<string> {
    return (await run(this.place, process.execPath, [CLI, ...args], this.#env)).stdout;
  }

  get #config(): string {
    return join(this.place.directory, 'bench.config.json');
  }

  get #env(): Record<string, string> {
    return {
      PM2_HOME: join(this.place.directory, 'pm2'),
      PM2_CONCURRENT_ACTIONS: ACTIONS_AT_ONCE,
      PM2_DISABLE_VERSION_CHECK: 'true',
      PM2_DISCRETE_MODE: 'true',
    };
  }
}

async function installOnce(place: Place): Promise<void> {
  if (existsSync(CLI)) return;
  mkdirSync(CACHE, { recursive: true });
  await run(place, 'npm', [
    'install',
    '--prefix',
    CACHE,
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    'pm2',
  ]);
}
