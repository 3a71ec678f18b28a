import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Collector, type ReceivedSpan } from './collector.ts';
import { until, World } from './harness.ts';

let world: World;
let collector: Collector;
let endpoint: string;
beforeEach(async () => {
  collector = new Collector();
  endpoint = await collector.open();
  world = new World({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
});
afterEach(async () => {
  await world.dispose();
  collector.close();
});

const write = (changes: object = {}) =>
  world.write(
    'fleet.json',
    JSON.stringify({
      name: 'web',
      command: ['sleep', '100000'],
      ready: { after: '1ms' },
      rounds: { parallel: 2, delay: '0s' },
      update: { batch: 2, wait: '0s' },
      ...changes,
    }),
  );

/** The trace of a command, once all of it has arrived. */
async function traceOf(command: string): Promise<{ root: ReceivedSpan; below: ReceivedSpan[] }> {
  const find = () => collector.spans.find(({ name, parentSpanId }) => name === command && !parentSpanId);
  await until(() => find() !== undefined);
  const root = find()!;
  return {
    root,
    below: collector.spans.filter(({ traceId, name }) => traceId === root.traceId && name !== command),
  };
}

const named = (spans: readonly ReceivedSpan[], name: string) => spans.filter((span) => span.name === name);
const parents = (spans: readonly ReceivedSpan[]) => new Set(spans.map(({ parentSpanId }) => parentSpanId));
const ids = (spans: readonly ReceivedSpan[]) => new Set(spans.map(({ spanId }) => spanId));

function traceparentOf(pid: number): string | undefined {
  const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  return environment.find((pair) => pair.startsWith('TRACEPARENT='))?.slice('TRACEPARENT='.length);
}

test('each command is a trace, with rounds or batches and the starts and stops of agents below it', async () => {
  await world.ok('spawn', '4', '-f', write());
  const agents = await world.ps();
  const spawn = await traceOf('spawn');
  expect(spawn.root.attributes).toMatchObject({ 'fleetd.fleet': 'web', 'fleetd.target': 4 });
  expect(spawn.root.attributes['fleetd.release']).toBe((await world.fleet()).release);
  const [rounds, starts] = [named(spawn.below, 'round'), named(spawn.below, 'start')];
  expect(rounds.map(({ attributes }) => attributes['fleetd.round'])).toEqual([1, 2]);
  expect(parents(rounds)).toEqual(new Set([spawn.root.spanId]));
  expect(starts.map(({ attributes }) => attributes['fleetd.slot']).sort()).toEqual([0, 1, 2, 3]);
  expect(parents(starts)).toEqual(ids(rounds));
  for (const { slot, pid } of agents) {
    const start = starts.find(({ attributes }) => attributes['fleetd.slot'] === slot)!;
    expect(traceparentOf(pid!)).toBe(`00-${start.traceId}-${start.spanId}-01`);
  }

  await world.ok('rolling-update', '-f', write({ env: { V: '2', TRACEPARENT: 'mine' } }));
  const update = await traceOf('rolling-update');
  const batches = named(update.below, 'batch');
  expect(batches.map(({ attributes }) => attributes['fleetd.batch'])).toEqual([1, 2]);
  expect(named(update.below, 'start')).toHaveLength(4);
  expect(parents(named(update.below, 'start'))).toEqual(ids(batches));
  expect((await world.ps()).map(({ pid }) => traceparentOf(pid!))).toEqual(Array(4).fill('mine'));

  await world.ok('kill', '1');
  const kill = await traceOf('kill');
  expect(named(kill.below, 'stop').map(({ attributes }) => attributes['fleetd.slot'])).toEqual([3]);
  for (const { root } of [spawn, update, kill]) expect(root.status.code ?? 0).toBe(0);

  await until(() => collector.logs.some(({ eventName }) => eventName === 'fleetd.target'));
  const events = await world.events();
  await until(() => collector.logs.length >= events.length - 1);
  const sent = collector.logs.map(({ attributes, body }) => [attributes['fleetd.seq'], body]);
  for (const { seq, reason } of events.slice(1)) expect(sent).toContainEqual([seq, reason]);
  const start = collector.logs.find(({ eventName }) => eventName === 'fleetd.start')!;
  expect(start.traceId).toBe(spawn.root.traceId);
  expect(collector.resource).toMatchObject({
    'service.name': 'fleetd',
    'service.instance.id': world.stateDir,
  });
});

test('a start that fails says why, and so does its command; a start without a command is in no trace', async () => {
  const restart = { storm: 'off', backoff: { min: '10ms', max: '10ms' } };
  // However slow the host, it has ended before it counts as ready.
  const failing = { command: ['sh', '-c', 'exit 3'], ready: { after: '1m' }, restart };
  await world.fleetctl('spawn', '1', '-f', write(failing));
  const { root, below } = await traceOf('spawn');
  expect(root.status).toEqual({ code: 2, message: expect.stringContaining('failed to start') });
  const failed = named(below, 'start').map(({ status }) => status);
  expect(failed).toContainEqual({ code: 2, message: 'exited 3' });

  await world.ok('kill', '--all');
  await world.ok('spawn', '1', '-f', write({ restart }));
  await until(() => named(collector.spans, 'spawn').length === 2);
  const [agent] = await world.ps();
  process.kill(agent!.pid!, 'SIGKILL');
  await until(async () =>
    (await world.ps()).some(({ pid, state }) => pid !== agent!.pid && state === 'ready'),
  );
  const [successor] = await world.ps();
  expect(traceparentOf(successor!.pid!)).toBeUndefined();
});

test('a collector that does not answer delays nothing, is reported once, and gets what waited', async () => {
  collector.status = 400;
  await world.ok('spawn', '2', '-f', write());
  const reports = async () => (await world.events()).filter(({ reason }) => reason.startsWith('telemetry'));
  await until(async () => (await reports()).length === 1);
  await world.ok('kill', '1');
  const metrics = async () => (await world.ok('metrics')).stdout;
  await until(async () =>
    /telemetry_exports_total\{signal="traces",result="failed"\} [1-9]/.test(await metrics()),
  );
  expect((await reports()).map(({ reason }) => reason)).toEqual([
    expect.stringMatching(/^telemetry cannot be sent: /),
  ]);
  collector.status = 200;
  await world.ok('kill', '1');
  await until(async () => (await reports()).at(-1)!.reason === 'telemetry is sent again');
});

test('what waits is sent at the end of the supervisor, with the headers that were asked for', async () => {
  world.env.OTEL_EXPORTER_OTLP_HEADERS = 'authorization=Bearer%20token';
  await world.ok('spawn', '1', '-f', write());
  await world.ok('shutdown', '--with-agents');
  await until(() => named(collector.spans, 'spawn').length === 1);
  expect(collector.logs.some(({ body }) => body.startsWith('fleetd stops'))).toBe(true);
  expect(collector.headers.authorization).toBe('Bearer token');
});

test('an endpoint that is no URL is refused before anything starts', async () => {
  world.env.OTEL_EXPORTER_OTLP_ENDPOINT = 'collector:4318';
  const { code, stderr } = await world.fleetctl('spawn', '1', '-f', write());
  expect({ code, stderr }).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('OTEL_EXPORTER_OTLP_ENDPOINT must be a URL of http or https'),
  });
  expect(world.supervisorPid()).toBeNull();
});
