import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until, World } from './harness.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

const inDir = (slot: number, name: string) => join(world.stateDir, `fleets/web/${slot}`, name);
const reloadedIn = (count: number) =>
  Array.from({ length: count }, (_, slot) => slot).filter((slot) => existsSync(inDir(slot, 'reloaded')));
const pids = async () => (await world.ps()).map(({ pid }) => pid!);

/** Empty for a process that has ended, or is of another world. */
function commandOf(pid: string): string {
  try {
    const isOurs = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(world.stateDir);
    return isOurs ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
  } catch {
    return '';
  }
}

/** On SIGHUP it notes that it has reloaded; where there is a file `broken`, it says so and ends. */
const ON_HUP = `trap 'if [ -e broken ]; then echo the configuration is broken; exit 7; fi; touch reloaded' HUP`;
const AGENT = ['sh', '-c', `${ON_HUP}; while :; do sleep 0.05; done`];
const SPEC = {
  name: 'web',
  command: AGENT,
  ready: { after: '300ms' },
  rounds: { parallel: 2, delay: '0s' },
  restart: { storm: 'off' },
  reload: { signal: 'SIGHUP' },
};

const spawn = (count: number, changes: object = {}) =>
  world.ok('spawn', String(count), '-f', world.write('fleet.json', JSON.stringify({ ...SPEC, ...changes })));

async function reload(...args: string[]): Promise<{ code: number; document: Record<string, unknown> }> {
  const { code, stdout } = await world.fleetctl('reload', '--json', ...args);
  return { code, document: JSON.parse(stdout) };
}

describe('fleetctl reload', () => {
  test('reloads every agent, and none of them is another one after it', async () => {
    await spawn(5);
    const before = await pids();
    const { code, document } = await reload();
    expect(code).toBe(0);
    expect(document).toEqual({
      fleet: 'web',
      exitCode: 0,
      message: '5 reloaded',
      reloaded: [0, 1, 2, 3, 4],
      skipped: [],
      failed: [],
      left: [],
    });
    expect(reloadedIn(5)).toEqual([0, 1, 2, 3, 4]);
    expect(await pids()).toEqual(before);
    const events = (await world.events()).filter(({ type }) => type === 'reload');
    expect(events.map(({ reason, slots }) => [reason, slots])).toEqual([
      ['5 agents are to be reloaded', '0-4'],
      ['reloaded', '0-1'],
      ['reloaded', '2-3'],
      ['reloaded', '4'],
      ['done: 5 reloaded', null],
    ]);
    const { stdout } = await world.ok('metrics');
    expect(stdout).toMatch('fleetd_reloads_total{fleet="web",result="reloaded"} 5');
  });

  test('stops at the batch in which an agent ends, and shows what that agent said', async () => {
    await spawn(6);
    const before = await pids();
    writeFileSync(inDir(2, 'broken'), '');
    const { code, document } = await reload();
    expect(code).toBe(1);
    expect(document).toMatchObject({
      exitCode: 1,
      reloaded: [0, 1, 3],
      failed: [{ slot: 2, reason: 'it ended: exited 7' }],
      left: [4, 5],
      sample: expect.stringContaining('the configuration is broken'),
    });
    expect(reloadedIn(6)).toEqual([0, 1, 3]);
    const after = await pids();
    expect([0, 1, 3, 4, 5].map((slot) => after[slot])).toEqual([0, 1, 3, 4, 5].map((slot) => before[slot]));
    rmSync(inDir(2, 'broken'));
    await until(async () => (await world.fleet()).ready === 6);
    expect((await reload('--slots', '2,4-5')).code).toBe(0);
  });

  test('says in words what a failure left, and what the agent said', async () => {
    await spawn(4);
    writeFileSync(inDir(1, 'broken'), '');
    const { code, stderr } = await world.fleetctl('reload');
    expect(code).toBe(1);
    expect(stderr).toMatch('1 reloaded, 1 failed (slot 1: it ended: exited 7), 2 not touched');
    expect(stderr).toMatch('the configuration is broken');
  });

  test('goes on under the next supervisor, and its command sees the end', async () => {
    await spawn(4, { rounds: { parallel: 1, delay: '500ms' } });
    const before = await pids();
    const ended = reload();
    await until(() => reloadedIn(4).length === 2);
    await world.killSupervisor();
    await world.ok('spawn', '4');
    const { code, document } = await ended;
    expect(code).toBe(0);
    expect(document).toMatchObject({ message: '4 reloaded', left: [] });
    expect(reloadedIn(4)).toEqual([0, 1, 2, 3]);
    expect(await pids()).toEqual(before);
  });

  test('goes on when nobody watches; another one is refused until then, and hold ends it', async () => {
    await spawn(20, { rounds: { parallel: 20, delay: '0s' } });
    await spawn(20, { rounds: { parallel: 1, delay: '0s' } });
    const stopped = await world.fleetctl('reload', '--timeout', '1ms');
    expect(stopped.code).toBe(4);
    const other = await world.fleetctl('reload');
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('is being reloaded') });
    expect((await world.fleet()).reload).toMatchObject({ of: 20 });
    expect((await world.ok('status')).stdout).toMatch(/web: reloading, \d+ of 20 done/);
    await world.ok('hold');
    await until(async () => (await world.fleet()).reload === null);
    const [last] = (await world.events()).filter(({ type }) => type === 'reload').slice(-1);
    expect(last!.reason).toMatch(/^failed: \d+ reloaded, \d+ not touched: the fleet was held/);
    // What holds it now was there before.
    expect((await reload('--slots', '0')).code).toBe(0);
  });

  test('is refused where the spec does not say how', async () => {
    await spawn(1, { reload: undefined });
    const { code, stderr } = await world.fleetctl('reload');
    expect(code).toBe(2);
    expect(stderr).toMatch('the spec of fleet web has no reload');
    // The agents need no restart to be reloaded by a later spec.
    const before = await pids();
    await spawn(1);
    expect((await reload()).code).toBe(0);
    expect(await pids()).toEqual(before);
  });

  test('waits for READY=1 after RELOADING=1', async () => {
    const script = `import os, signal, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
say = lambda text: s.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
def reload(*_):
    say("RELOADING=1")
    while not os.path.exists("go"): time.sleep(0.02)
    open("reloaded", "w").close()
    say("READY=1")
signal.signal(signal.SIGHUP, reload)
say("READY=1")
while True: signal.pause()
`;
    const command = ['/usr/bin/python3', world.write('agent.py', script)];
    await spawn(1, { command, ready: { notify: true, timeout: '60s' } });
    let isOver = false;
    const ended = reload().finally(() => {
      isOver = true;
    });
    await until(async () => (await world.events()).some(({ reason }) => reason.includes('to be reloaded')));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(isOver).toBe(false);
    writeFileSync(inDir(0, 'go'), '');
    expect((await ended).code).toBe(0);
    expect(reloadedIn(1)).toEqual([0]);
  });

  test('needs no second READY=1 of an agent that said it to a former supervisor', async () => {
    const script = `import os, signal, socket
def reload(*_): open("reloaded", "w").close()
signal.signal(signal.SIGHUP, reload)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
while True: signal.pause()
`;
    const command = ['/usr/bin/python3', world.write('agent.py', script)];
    await spawn(2, { command, ready: { notify: true, timeout: '10s' } });
    await world.killSupervisor();
    await world.ok('spawn', '2');
    expect((await reload()).document).toMatchObject({ exitCode: 0, reloaded: [0, 1] });
    expect(reloadedIn(2)).toEqual([0, 1]);
  });

  test('runs reload.exec as the agent, with MAINPID, and fails with it', async () => {
    const exec = ['sh', '-c', '[ "$FLEET_SLOT" = 1 ] && exit 3; kill -HUP $MAINPID'];
    await spawn(2, { reload: { exec }, rounds: { parallel: 1, delay: '0s' } });
    const { code, document } = await reload();
    expect(code).toBe(1);
    expect(document).toMatchObject({ reloaded: [0], failed: [{ slot: 1, reason: 'reload.exec: exited 3' }] });
    expect(reloadedIn(2)).toEqual([0]);
  });

  test('ends a reload.exec whose agent has ended, or which takes too long', async () => {
    const exec = ['sh', '-c', 'if [ "$FLEET_SLOT" = 0 ]; then kill -KILL $MAINPID; fi; exec sleep 100000'];
    await spawn(2, { reload: { exec }, ready: { after: '300ms', timeout: '2s' } });
    const { code, document } = await reload();
    expect(code).toBe(1);
    const [first, second] = document.failed as { slot: number; reason: string }[];
    expect(first!.reason).toMatch('it ended: killed by SIGKILL');
    expect(second!.reason).toMatch(/reload\.exec took more than 2 s|not ready within 2 s/);
    const sleepers = () =>
      readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandOf(pid) === 'sleep\x080000\0');
    await until(() => sleepers().length === 0);
  });
});

describe('fleetctl signal', () => {
  /** Two processes in a slot, each of which notes two signals that it gets. */
  const PAIR = `import os, signal
name = "worker" if os.fork() == 0 else "main"
def note(number, _): open(f"{name}-{number}", "w").close()
for number in (signal.SIGUSR1, signal.SIGRTMIN + 3): signal.signal(number, note)
open(f"{name}-up", "w").close()
while True: signal.pause()
`;
  const RT_3 = 37;
  const has = (slot: number, ...names: string[]) => names.every((name) => existsSync(inDir(slot, name)));

  async function spawnPairs(count: number): Promise<void> {
    await spawn(count, { command: ['/usr/bin/python3', world.write('pair.py', PAIR)] });
    for (let slot = 0; slot < count; slot++) await until(() => has(slot, 'main-up', 'worker-up'));
  }

  test('reaches the main processes, or every process', async () => {
    await spawnPairs(2);
    const { code, stdout } = await world.fleetctl('signal', 'usr1', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      fleet: 'web',
      signal: 'SIGUSR1',
      slots: [0, 1],
      sent: 2,
      missed: [],
      failed: [],
      exitCode: 0,
    });
    await until(() => has(0, 'main-10') && has(1, 'main-10'));
    const { type, slots, reason } = (await world.events()).at(-1)!;
    expect([type, slots, reason]).toEqual([
      'signal',
      '0-1',
      'SIGUSR1 to the main process, by fleetctl signal',
    ]);
    expect((await world.ok('metrics')).stdout).toMatch(
      'fleetd_signals_total{fleet="web",signal="SIGUSR1"} 2',
    );
    await world.ok('signal', 'SIGRTMIN+3', '--slots', '1', '--all-processes');
    await until(() => has(1, `main-${RT_3}`, `worker-${RT_3}`));
    expect(has(0, 'worker-10') || has(1, 'worker-10') || has(0, `main-${RT_3}`)).toBe(false);
  });

  test('may end an agent: that is an exit nobody asked for', async () => {
    await spawn(2);
    const [before] = await pids();
    await world.ok('signal', '9', '--slots', '0');
    await until(async () => (await world.ps())[0]?.restarts === 1 && (await world.fleet()).ready === 2);
    expect((await pids())[0]).not.toBe(before);
    expect((await world.ps())[0]!.lastExit).toMatchObject({ signal: 'SIGKILL' });
  });

  test('names the slots without a process, and fails if nothing got it', async () => {
    await spawn(2);
    await world.ok('hold');
    await world.ok('signal', 'KILL', '--slots', '1');
    await until(async () => (await world.fleet()).running === 1);
    const some = await world.fleetctl('signal', 'CONT', '--json');
    expect([some.code, JSON.parse(some.stdout)]).toMatchObject([0, { slots: [0], sent: 1, missed: [1] }]);
    const none = await world.fleetctl('signal', 'CONT', '--slots', '1');
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('No process in slots 1') });
    expect(await world.fleetctl('signal', 'CONT', '--slots', '7')).toMatchObject({ code: 2 });
    expect(await world.fleetctl('signal', 'NONE')).toMatchObject({ code: 2 });
  });
});
