import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { type Ability, Registry } from './registry.ts';

const FLEETCTL = new URL('../../bin/fleetctl', import.meta.url).pathname;
const SOURCE = new URL('./agent.c', import.meta.url).pathname;
const REGISTRY_PORT = 29_000;
const AGENT_PORT = 30_000;
const TIMEOUT_MS = 10_000;
const RUN_MS_MAX = 20 * 60_000;
const run = promisify(execFile);

interface Scene {
  name: string;
  agents: number;
  ability: Ability;
  /** The registry goes away when all are up, and comes back after this; the second coming up is measured. */
  restartMs?: number;
}

const steady = (capacity: number): Ability => ({ capacityAt: () => capacity, queueMax: 200 });
const isQuick = process.argv.includes('--quick');
const size = (agents: number): number => (isQuick ? Math.ceil(agents / 4) : agents);
const SCENES: Scene[] = [
  { name: '5 a second', agents: size(200), ability: steady(5) },
  { name: '50 a second', agents: size(1_000), ability: steady(50) },
  { name: '500 a second', agents: size(2_000), ability: steady(500) },
  {
    name: '100 a second, half of it midway',
    agents: size(1_500),
    ability: {
      capacityAt: (elapsedMs) => (elapsedMs < (isQuick ? 2_500 : 10_000) ? 100 : 50),
      queueMax: 200,
    },
  },
  { name: '50 a second, restarted', agents: size(1_000), ability: steady(50), restartMs: 2_000 },
];

/** Storms are off for the fixed ones: they would only stop. */
const WAYS = {
  '15 every 3 s': { rounds: { parallel: 15, delay: '3s' }, restart: { storm: 'off' } },
  '50, no delay': { rounds: { parallel: 50, delay: '0s' }, restart: { storm: 'off' } },
  adaptive: { rounds: { adaptive: true } },
};

interface Result {
  seconds: number | null;
  idealSeconds: number;
  failed: number;
}

async function play(scene: Scene, way: object, agent: string): Promise<Result> {
  const root = mkdtempSync(`${tmpdir()}/fb-`);
  const env = { ...process.env, FLEETD_STATE_DIR: `${root}/s`, FLEETD_RUNTIME_DIR: `${root}/r` };
  const fleetctl = (...args: string[]) => run(FLEETCTL, args, { env, cwd: root, timeout: RUN_MS_MAX });
  const registry = new Registry(scene.ability);
  const spec = {
    name: 'web',
    command: [agent, String(REGISTRY_PORT), '{port}', String(TIMEOUT_MS)],
    ports: { base: AGENT_PORT, protocol: 'tcp' },
    ready: { tcp: true, timeout: '60s' },
    target: scene.agents,
    ...way,
  };
  writeFileSync(`${root}/fleet.json`, JSON.stringify(spec));
  try {
    await registry.start(REGISTRY_PORT);
    // The supervisor is up before the clock starts: its own start is another bench's.
    await fleetctl('spawn', '0', '-f', `${root}/fleet.json`);
    let begun = performance.now();
    await fleetctl('spawn', String(scene.agents), '--timeout', `${RUN_MS_MAX}ms`);
    if (scene.restartMs !== undefined) {
      await registry.stop();
      registry.failed = 0;
      await new Promise((resolve) => setTimeout(resolve, scene.restartMs));
      begun = performance.now();
      await registry.start(REGISTRY_PORT);
      await fleetctl('spawn', String(scene.agents), '--timeout', `${RUN_MS_MAX}ms`);
    }
    return {
      seconds: (performance.now() - begun) / 1000,
      idealSeconds: ideal(scene),
      failed: registry.failed,
    };
  } catch {
    return { seconds: null, idealSeconds: ideal(scene), failed: registry.failed };
  } finally {
    await fleetctl('shutdown', '--with-agents').catch(() => {});
    await registry.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

/** Until the last agent is registered, if the registry never rests. */
function ideal({ agents, ability }: Scene): number {
  let elapsedMs = 0;
  for (let served = 0; served < agents; elapsedMs++) served += ability.capacityAt(elapsedMs) / 1000;
  return elapsedMs / 1000;
}

function cell({ seconds, idealSeconds, failed }: Result, agents: number): string {
  const share = `${((100 * failed) / agents).toFixed(1)} % failed`;
  return seconds === null ? `gave up, ${share}` : `${(seconds / idealSeconds).toFixed(2)} ×, ${share}`;
}

const directory = mkdtempSync(`${tmpdir()}/fb-agent-`);
try {
  const agent = `${directory}/agent`;
  execFileSync('cc', ['-O2', '-o', agent, SOURCE]);
  console.log(`| registry | agents | ideal | ${Object.keys(WAYS).join(' | ')} |`);
  console.log(
    `| --- | --- | --- | ${Object.keys(WAYS)
      .map(() => '---')
      .join(' | ')} |`,
  );
  for (const scene of SCENES) {
    const cells: string[] = [];
    for (const [name, way] of Object.entries(WAYS)) {
      process.stderr.write(`${scene.name}: ${name} …\n`);
      cells.push(cell(await play(scene, way, agent), scene.agents));
    }
    console.log(`| ${scene.name} | ${scene.agents} | ${ideal(scene).toFixed(1)} s | ${cells.join(' | ')} |`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
