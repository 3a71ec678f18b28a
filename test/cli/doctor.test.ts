import { existsSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import type { Diagnosis } from '../../src/doctor/table.ts';
import { parseSpec } from '../../src/specification/parse.ts';
import { type Ended, fleetOf, json, Place } from './harness.ts';

const FLEETCTL = fileURLToPath(new URL('../../bin/fleetctl', import.meta.url));
const SPEC =
  'name: web\ncommand: [./daemon]\nlogs: { to: "null" }\nresources: { memory: { request: 2M, limit: 8M } }\n';

let place: Place;
const cleanups: (() => void)[] = [];
beforeEach(() => {
  place = new Place();
});
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const diagnosisIn = ({ stdout }: Ended) => JSON.parse(stdout) as Diagnosis;
const named = ({ findings }: Diagnosis, limit: string) =>
  findings.filter((finding) => finding.limit === limit);

/** A TCP port of 127.0.0.1 that this test serves. */
async function servedPort(): Promise<number> {
  const server = createServer();
  cleanups.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

describe('doctor', () => {
  test('needs neither supervisor nor fleet, and changes nothing', async () => {
    const ended = await place.fleetctl('doctor', '--agents', '10');
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(
      /10 agents can work on this host.*This\s+host\s+allows\s+at\s+most\s+[\d,]+\s+agents/s,
    );
    expect(existsSync(place.stateDir)).toBe(false);
  });

  test('prints one document with --json, of the promised shape', async () => {
    const ended = await place.fleetctl('doctor', '--agents', '10', '--json');
    const diagnosis = diagnosisIn(ended);
    expect(Object.keys(diagnosis)).toEqual(['agents', 'ceiling', 'findings']);
    expect(diagnosis.agents).toBe(10);
    expect(diagnosis.ceiling).toEqual({ agents: expect.any(Number), limit: expect.any(String) });
    expect(diagnosis.findings.length).toBeGreaterThan(10);
    const keys = ['agentsMax', 'fix', 'have', 'limit', 'needed', 'source', 'verdict', 'why'];
    for (const finding of diagnosis.findings) expect(Object.keys(finding).sort()).toEqual(keys);
  });

  test('is read in 80 columns', async () => {
    const { stdout } = await place.fleetctl('doctor', '--agents', '900000');
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  test('ends with 5 where so many agents cannot work, and names the first ceiling', async () => {
    const ended = await place.fleetctl('doctor', '--agents', '900000', '--json');
    expect(ended.code).toBe(5);
    const { ceiling, findings } = diagnosisIn(ended);
    const ceilings = findings.flatMap(({ agentsMax }) => agentsMax ?? []);
    expect(ceiling!.agents).toBe(Math.min(...ceilings));
    expect(findings.find(({ limit }) => limit === ceiling!.limit)?.verdict).toBe('fail');
  });

  test('takes the number from the spec, and wants one', async () => {
    expect(await place.fleetctl('doctor')).toMatchObject({ code: 2, stdout: '' });
    place.write('fleet.yaml', `${SPEC}target: 7\n`);
    expect(diagnosisIn(await place.fleetctl('doctor', '--json')).agents).toBe(7);
    place.write('other.yaml', `${SPEC}target: 8\n`);
    expect(diagnosisIn(await place.fleetctl('doctor', '-f', 'other.yaml', '--json')).agents).toBe(8);
    expect(
      diagnosisIn(await place.fleetctl('doctor', '-f', 'other.yaml', '--agents', '9', '--json')).agents,
    ).toBe(9);
    for (const wrong of ['0', '-3', 'many'])
      expect((await place.fleetctl('doctor', '--agents', wrong)).code).toBe(2);
  });

  test('finds a port of the slots that somebody serves', async () => {
    const port = await servedPort();
    place.write('fleet.yaml', `${SPEC}target: 3\nports: { base: ${port - 1}, protocol: tcp }\n`);
    const ended = await place.fleetctl('doctor', '--json');
    expect(ended.code).toBe(5);
    expect(named(diagnosisIn(ended), 'ports in use')).toMatchObject([
      { verdict: 'fail', have: `tcp ${port}` },
    ]);
  });

  test('asks a supervisor for its fleets, their specs and targets', async () => {
    const spec = parseSpec({ name: 'web', command: ['./daemon'], ports: { base: 23_400, protocol: 'udp' } });
    await place.supervise([fleetOf('web', { target: 12 }), fleetOf('other', { target: 30 })], {
      'GET /v1/agents': json({ agents: [] }),
      'GET /v1/fleets/web': json({ spec, baseDir: '/' }),
      'GET /v1/fleets/other': json({ spec: null, baseDir: '/' }),
    });
    const one = diagnosisIn(await place.fleetctl('doctor', '--fleet', 'web', '--json'));
    expect(one.agents).toBe(12);
    expect(named(one, 'ports')).toMatchObject([{ needed: 23_411 }]);
    expect(diagnosisIn(await place.fleetctl('doctor', '--json')).agents).toBe(42);
    expect((await place.fleetctl('doctor', '--fleet', 'none')).code).toBe(2);
  });
});

describe('doctor --cloud', () => {
  /** A stand-in for the metadata service: scripts by level; what is not there is 404. */
  async function metadata(scripts: Record<string, string>, flavor = 'Google') {
    const asked: { path: string; headers: IncomingHttpHeaders }[] = [];
    const server = createHttpServer((request, response) => {
      asked.push({ path: request.url!, headers: request.headers });
      const script = scripts[/v1\/(\w+)\//.exec(request.url!)?.[1] ?? ''];
      response.setHeader('Metadata-Flavor', flavor);
      response.statusCode = script === undefined ? 404 : 200;
      response.end(script);
    });
    cleanups.push(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }

  async function askedAt(url: string): Promise<Diagnosis> {
    const args = [`FLEETCTL_METADATA_URL=${url}`, FLEETCTL, 'doctor', '--agents', '10', '--cloud', '--json'];
    return diagnosisIn(await place.start(args, 'env').ended);
  }

  const scripts = (diagnosis: Diagnosis): Finding[] =>
    named(diagnosis, 'start-up script').filter(({ source }) => source.startsWith('http'));

  test.each(['instance', 'project'])(
    'finds a start-up script of the %s that spawns the fleet',
    async (level) => {
      const { asked, url } = await metadata({
        [level]: '#!/bin/sh\n# fleetctl spawn 1\nfleetctl spawn 3000\n',
      });
      const path = `/computeMetadata/v1/${level}/attributes/startup-script`;
      expect(scripts(await askedAt(url))).toMatchObject([{ verdict: 'warn', source: `${url}${path}:3` }]);
      expect(asked.map(({ path }) => path).sort()).toEqual([
        '/computeMetadata/v1/instance/attributes/startup-script',
        '/computeMetadata/v1/project/attributes/startup-script',
      ]);
      for (const { headers } of asked) expect(headers['metadata-flavor']).toBe('Google');
    },
  );

  test('finds nothing where no script is set, or none of them starts the fleet', async () => {
    const { url } = await metadata({ instance: 'apt-get update\n' });
    const diagnosis = await askedAt(url);
    expect(scripts(diagnosis)).toEqual([]);
    expect(named(diagnosis, 'metadata service')).toEqual([]);
  });

  test('says so where nobody answers, in time, or somebody else does', async () => {
    const silent = createServer();
    cleanups.push(() => silent.close());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const closed = await servedPort();
    cleanups.splice(-1)[0]!();
    const other = await metadata({ instance: 'fleetctl spawn 3000' }, 'Other');
    const urls = [
      `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      `http://127.0.0.1:${closed}`,
      other.url,
    ];
    for (const url of urls) {
      const diagnosis = await askedAt(url);
      expect(named(diagnosis, 'metadata service'), url).toMatchObject([{ verdict: 'warn' }]);
      expect(scripts(diagnosis)).toEqual([]);
    }
  });
});

describe('plan', () => {
  test('says how many agents fit, which limit binds, and the arithmetic', async () => {
    place.write('fleet.yaml', SPEC);
    const { code, stdout } = await place.fleetctl('plan', '--agents', '100', '--cost', '140/month');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^.*, Linux .* × .*\n(.*\n)?[\d,]+ agents fit this host; .* binds first\. 100 fit\./,
    );
    expect(stdout).toContain('/         2M  per agent (resources.memory.request)');
    expect(stdout).toMatch(/100 × request 2M = 200M, \d+ % of the memory/);
    expect(stdout).toMatch(/in the fleet: 140 \/ 100 agents = 1\.40 per agent/);
    for (const line of stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  test('needs no number, and prints one document with --json', async () => {
    const document = JSON.parse((await place.fleetctl('plan', '--json')).stdout);
    expect(document).toMatchObject({
      wanted: null,
      binding: expect.any(String),
      memory: { basis: 'assumed' },
      overcommit: null,
      cost: null,
    });
    expect(document.agents).toBe(Math.min(document.memory.agents, document.limits[0].agents));
  });

  test('refuses a cost that is none', async () => {
    const { code, stderr } = await place.fleetctl('plan', '--cost', '140');
    expect(code).toBe(2);
    expect(stderr).toMatch(/--cost must be a sum per period such as 140\/month/);
  });
});
