import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until, World } from './harness.ts';

let world: World;
const cleanups: (() => unknown)[] = [];
beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await world.dispose();
});

const PORT = 23_900;
const SPEC = { name: 'web', command: ['sleep', '100000'], ready: { after: '1ms' }, rounds: { delay: '0s' } };
const spawnFleet = (count: number) =>
  world.ok('spawn', String(count), '-f', world.write('fleet.json', JSON.stringify(SPEC)));

/** The value of a series: `fleetd_agents{fleet="web",state="ready"}`. */
function seriesOf(text: string, series: string): number | null {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? null : Number(line.slice(series.length + 1));
}

describe('fleetctl metrics', () => {
  test('tells targets, states, starts, exits by cause and memory, and no series for each agent', async () => {
    await spawnFleet(5);
    const [first] = await world.ps();
    process.kill(first!.pid!, 'SIGKILL');
    await until(async () => (await world.ps())[0]!.pid !== first!.pid && (await world.fleet()).ready === 5);
    const { stdout } = await world.ok('metrics');
    expect(seriesOf(stdout, 'fleetd_target{fleet="web"}')).toBe(5);
    expect(seriesOf(stdout, 'fleetd_agents{fleet="web",state="ready"}')).toBe(5);
    expect(seriesOf(stdout, 'fleetd_events_total{fleet="web",type="start"}')).toBe(6);
    expect(seriesOf(stdout, 'fleetd_exits_total{fleet="web",cause="SIGKILL"}')).toBe(1);
    expect(seriesOf(stdout, 'fleetd_ready_seconds_count{fleet="web"}')).toBe(6);
    expect(seriesOf(stdout, 'fleetd_round_seconds_count{fleet="web"}')).toBeGreaterThanOrEqual(2);
    expect(seriesOf(stdout, 'fleetd_rss_bytes{fleet="web"}')).toBe((await world.fleet()).rssBytes);
    expect(seriesOf(stdout, 'fleetd_events_lost_total')).toBe(0);
    expect(seriesOf(stdout, 'fleetd_supervisor_rss_bytes')).toBeGreaterThan(10_000_000);
    expect(stdout).not.toContain('slot=');
    const each = (await world.ok('metrics', '--each')).stdout;
    expect(each.match(/^fleetd_agent_rss_bytes\{.*\} \d+$/gm)).toHaveLength(5);
  });

  test('serves a loopback port until it is turned off, also under the next supervisor', async () => {
    await spawnFleet(1);
    const url = `http://127.0.0.1:${PORT}/metrics`;
    expect((await world.ok('metrics', '--port', String(PORT))).stdout.trim()).toBe(url);
    await world.killSupervisor();
    await spawnFleet(1);
    expect(await (await fetch(url)).text()).toContain('fleetd_target{fleet="web"} 1');
    expect((await fetch(`http://127.0.0.1:${PORT}/v1/status`)).status).toBe(404);
    await world.ok('metrics', '--off');
    await expect(fetch(url)).rejects.toThrow();
  });

  test('refuses a port that is taken, and stays where it was', async () => {
    await spawnFleet(1);
    await world.ok('metrics', '--port', String(PORT));
    const server = createServer().listen(PORT + 1, '127.0.0.1');
    cleanups.push(() => server.close());
    await until(() => server.listening);
    const refused = await world.fleetctl('metrics', '--port', String(PORT + 1));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('EADDRINUSE');
    expect((await fetch(`http://127.0.0.1:${PORT}/metrics`)).status).toBe(200);
  });
});

/** What the example dashboard asks for, of any instance and fleet. */
function dashboardExpressions(): string[] {
  const { panels } = JSON.parse(readFileSync(`${EXAMPLES}/grafana-dashboard.json`, 'utf8')) as {
    panels: { targets: { expr: string }[] }[];
  };
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr.replaceAll(/\$\w+/g, '.+')));
}

const EXAMPLES = new URL('../../examples', import.meta.url).pathname;
describe.runIf(existsSync('/usr/bin/promtool'))('Prometheus', () => {
  test('takes the alert rules, and what is told of a fleet', async () => {
    execFileSync('promtool', ['check', 'rules', `${EXAMPLES}/prometheus-rules.yaml`]);
    await spawnFleet(3);
    const { stdout } = await world.ok('metrics', '--each');
    execFileSync('promtool', ['check', 'metrics'], { input: stdout });
  });

  test('scrapes a fleet, and its rules fire for one that is held', async () => {
    await spawnFleet(3);
    await world.ok('metrics', '--port', String(PORT + 2));
    await world.ok('hold');
    const config = world.write(
      'prometheus.yml',
      `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ['${EXAMPLES}/prometheus-rules.yaml']
scrape_configs: [{ job_name: fleetd, static_configs: [{ targets: ['127.0.0.1:${PORT + 2}'] }] }]\n`,
    );
    const address = `127.0.0.1:${PORT + 3}`;
    const server = spawn(
      '/usr/bin/prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${world.root}/tsdb`,
        `--web.listen-address=${address}`,
      ],
      { stdio: 'ignore' },
    );
    cleanups.push(async () => {
      server.kill('SIGKILL');
      await until(() => server.signalCode !== null || server.exitCode !== null);
    });
    const ask = async (query: string): Promise<{ value: [number, string] }[]> => {
      const url = `http://${address}/api/v1/query?query=${encodeURIComponent(query)}`;
      const answer = await fetch(url).catch(() => null);
      return answer?.ok ? ((await answer.json()) as { data: { result: never[] } }).data.result : [];
    };
    await until(async () => (await ask('fleetd_agents{state="ready"}'))[0]?.value[1] === '3');
    for (const expression of dashboardExpressions()) {
      const url = `http://${address}/api/v1/query?query=${encodeURIComponent(expression)}`;
      expect((await fetch(url)).status, expression).toBe(200);
    }
    await until(async () => (await ask('ALERTS{alertname="FleetHeld"}')).length === 1);
  });
});
