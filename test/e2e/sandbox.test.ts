import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readStat } from '../../src/host/proc/stat.ts';
import { isRunning, until, World } from './harness.ts';

/** A user with nothing: no home, no group, no cgroup that it could write to. */
const NOBODY = 65_534;
const UID_BASE = 300_000;

/** Why these tests cannot run here; null where they can. @param as words before the command */
function obstacle(...as: string[]): string | null {
  if (process.getuid!() !== 0) return 'only root can become another user';
  try {
    execFileSync('env', [...as, 'bwrap', '--ro-bind', '/', '/', 'true'], { stdio: 'pipe' });
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
const NOT_ROOT = obstacle();
const NOT_NOBODY = obstacle(...AS_NOBODY);
const title = (text: string, why: string | null) => (why === null ? text : `${text} (${why})`);

/** Writes wherever it can, says so in a file of its directory, and then waits; SIGHUP adds a line, SIGUSR1 ends it with 7. */
const LOOK = `for path in /etc /usr /var/tmp /tmp "$PWD" "\${FLEET_SOCKET%/*}" "$1" "$2" /dev/shm; do
  if (: > "$path/probe.$$") 2>/dev/null; then echo "writes $path"; rm -f "$path/probe.$$"; else echo "reads $path"; fi
done > look.new
ls /tmp > tmp
echo here > "/tmp/$3"
trap 'echo hup >> heard' HUP
trap 'exit 7' USR1
test -p wait || mkfifo wait
mv look.new look
while :; do read -r line <> wait; done`;

const read = (pid: number, name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8');
const parentOf = (pid: number) => readStat(pid)!.parent;

/** A fleet that looks around. @param more keys of the spec */
function looking(world: World, more: string): string {
  world.write('look.sh', LOOK);
  for (const name of ['cache', 'closed']) {
    mkdirSync(join(world.root, name), { recursive: true });
    chmodSync(join(world.root, name), 0o777);
  }
  return world.write(
    'fleet.yaml',
    `name: box
command: [sh, ${world.root}/look.sh, ${world.root}/cache, ${world.root}/closed, ${markOf(world)}]
env: { TOKEN: very-secret }
ready: { exec: [test, -f, look], timeout: 20s }
rounds: { parallel: 10, delay: 0s }
update: { wait: 0s }
restart: { backoff: { min: 1ms, max: 10ms }, storm: off, settle: 1ms }
${more}
`,
  );
}

/** What an agent leaves in /tmp. */
const markOf = (world: World) => `${basename(world.root)}.mark`;
const lookOf = (dir: string) => readFileSync(join(dir, 'look'), 'utf8').trim().split('\n');

describe.skipIf(NOT_ROOT !== null)(title('agents in a sandbox', NOT_ROOT), () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    chmodSync(world.root, 0o755);
  });
  afterEach(async () => {
    await world.dispose();
    rmSync(join('/tmp', markOf(world)), { force: true });
  });

  const spawn = (count: number, more: string) => world.ok('spawn', String(count), '-f', looking(world, more));
  const agent = async (slot = 0) => (await world.ps())[slot]!;
  const lastExit = async (slot = 0) => (await agent(slot)).lastExit?.reason;
  /** Waits for another agent in a slot. */
  const successorOf = (pid: number, slot = 0) =>
    until(async () => {
      const row = await agent(slot);
      return row.state === 'ready' && row.pid !== pid;
    });

  test('write to what is theirs only, and are what other agents are', async () => {
    await spawn(
      2,
      `user: { base: ${UID_BASE} }\nsandbox: { writable: [${world.root}/cache] }\nprocess: { umask: "027", nice: 3 }`,
    );
    for (const { pid, dir, slot } of await world.ps()) {
      expect(lookOf(dir)).toEqual([
        'reads /etc',
        'reads /usr',
        'writes /var/tmp',
        'writes /tmp',
        `writes ${dir}`,
        `writes ${join(world.runtimeDir, 'box', String(slot))}`,
        `writes ${world.root}/cache`,
        `reads ${world.root}/closed`,
        'writes /dev/shm',
      ]);
      // Its own, and another one than the host's.
      expect(readFileSync(join(dir, 'tmp'), 'utf8')).toBe(`${world.root.split('/')[2]}\n`);
      expect(existsSync(join('/tmp', markOf(world)))).toBe(false);
      const stat = readStat(pid!)!;
      expect([stat.session, stat.group]).toEqual([pid, pid]);
      const status = read(pid!, 'status');
      const uid = UID_BASE + slot;
      expect(status).toMatch(new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s+${uid}`, 'm'));
      expect(status).toMatch(/^CapEff:\s+0{16}$/m);
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
      expect(status).toMatch(/^Umask:\s+0027$/m);
      expect(read(pid!, 'environ')).toContain('TOKEN=very-secret');
    }
  });

  test('have bubblewrap as their parent, which knows nothing of theirs', async () => {
    await spawn(1, `user: { base: ${UID_BASE} }\nsandbox: {}`);
    const { pid } = await agent();
    const guard = parentOf(pid!);
    expect(read(guard, 'comm')).toBe('bwrap\n');
    expect(read(guard, 'environ')).toBe('');
    expect(read(guard, 'cmdline')).not.toMatch(/look\.sh|very-secret/);
    expect(read(guard, 'status')).toMatch(/^Uid:\s+0\s/m);
    expect(read(guard, 'cgroup')).toBe(read(pid!, 'cgroup'));
  });

  test('get signals themselves, and how they end is known', async () => {
    await spawn(1, 'sandbox: {}\nstop: { to: all, grace: 5s }\nreload: { signal: SIGHUP }');
    const { pid, dir } = await agent();
    const heard = () => (existsSync(join(dir, 'heard')) ? readFileSync(join(dir, 'heard'), 'utf8') : '');
    await world.ok('signal', 'HUP');
    await until(() => heard() === 'hup\n');
    await world.ok('signal', 'HUP', '--all-processes');
    await until(() => heard() === 'hup\nhup\n');
    await world.ok('reload');
    await until(() => heard() === 'hup\nhup\nhup\n');
    expect(await agent()).toMatchObject({ pid, restarts: 0 });

    await world.ok('signal', 'USR1');
    await successorOf(pid!);
    expect(await lastExit()).toBe('exited 7');
    const second = (await agent()).pid!;
    await world.ok('signal', 'KILL');
    await successorOf(second);
    expect(await lastExit()).toBe('killed by SIGKILL');

    const third = (await agent()).pid!;
    const guard = parentOf(third);
    await world.ok('kill', '--all');
    expect([third, guard].some(isRunning)).toBe(false);
    const stops = (await world.events()).filter(({ type }) => type === 'stop' || type === 'exit');
    // Nothing was left behind: bubblewrap is not counted.
    expect(stops.map(({ reason }) => reason).join('\n')).not.toMatch(/left/);
  });

  test('survive the supervisor and bubblewrap, and are found again', async () => {
    await spawn(3, 'sandbox: {}');
    const before = await world.ps();
    // The last one has lost its parent before.
    process.kill(parentOf(before[2]!.pid!), 'SIGKILL');
    await world.killSupervisor();
    await world.ok('spawn', '3', '-f', looking(world, 'sandbox: {}'));
    expect((await world.ps()).map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
    await world.ok('signal', 'HUP', '--all-processes');
    const heard = ({ dir }: { dir: string }) => existsSync(join(dir, 'heard'));
    await until(() => before.every(heard));

    const [first] = before;
    const guard = parentOf(first!.pid!);
    await world.ok('signal', 'USR1', '--slots', '0');
    await successorOf(first!.pid!);
    // Only its parent has learned how it ended, and that one was not ours any more.
    expect(await lastExit()).toBe('exit status unknown');
    await until(() => !isRunning(guard));

    // Of one that is stopped, nothing is learned, but nothing waits for it either.
    const { pid } = await agent(1);
    process.kill(parentOf(pid!), 'SIGSTOP');
    process.kill(pid!, 'SIGUSR1');
    await successorOf(pid!, 1);
  });

  test('get no signal any more once they have ended, and are never taken for their bubblewrap', async () => {
    await spawn(20, 'sandbox: {}');
    const [first] = await world.ps();
    const guard = parentOf(first!.pid!);
    process.kill(guard, 'SIGSTOP');
    process.kill(first!.pid!, 'SIGKILL');
    const { stdout, stderr } = await world.fleetctl('signal', 'HUP', '--slots', '0');
    expect(stdout + stderr).not.toContain('EBADF');
    await successorOf(first!.pid!);
    // Everything in the slots is killed at once, in any order.
    const before = (await world.events()).length;
    await world.ok('kill', '--all', '--now');
    const exits = (await world.events()).slice(before).filter(({ type }) => type === 'exit');
    expect(exits.map(({ reason }) => reason)).toEqual(
      exits.map(() => expect.stringMatching(/^killed by SIGKILL/)),
    );
  });

  test('that name bubblewrap as their successor are refused', async () => {
    world.write(
      'fleet.yaml',
      `name: liar
command: [perl, -e, 'use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => $ENV{{NOTIFY_SOCKET}}) or die $!; $s->send("MAINPID=" . getppid() . "\\nREADY=1"); sleep']
ready: { notify: true }
sandbox: {}
`,
    );
    await world.ok('spawn', '1', '-f', 'fleet.yaml');
    const { pid } = await agent();
    expect(read(parentOf(pid!), 'comm')).toBe('bwrap\n');
    const refusals = (await world.events()).filter(({ type }) => type === 'successor');
    expect(refusals.map(({ reason }) => reason).join()).toMatch(/is refused: process \d+ is bubblewrap/);
  });

  test('cannot make more writable by a link of their own', async () => {
    const file = looking(world, 'sandbox: { writable: ["{dir}/x"] }\nprepare: [ln, -s, /, x]\nuser: nobody');
    await world.ok('spawn', '1', '-f', file);
    const { dir } = await agent();
    expect(lookOf(dir)).toContain(`reads ${world.root}/closed`);
    await world.ok('restart');
    expect(lookOf(dir)).toContain(`reads ${world.root}/closed`);
  });

  test('a supervisor that is killed while they enter starts no second one', async () => {
    const file = looking(world, 'sandbox: {}');
    await world.ok('spawn', '0', '-f', file);
    for (let round = 0; round < 5; round++) {
      const spawning = world.fleetctl('spawn', '20', '-f', file);
      await until(async () => (await world.isServed()) && (await world.ps()).some(({ pid }) => pid !== null));
      await world.killSupervisor();
      await world.ok('spawn', '20', '-f', file);
      await spawning;
      const agents = await world.ps();
      expect(agents.filter(({ state }) => state === 'ready')).toHaveLength(20);
      for (const { pid } of agents) expect(read(parentOf(pid!), 'comm')).toBe('bwrap\n');
      const guards = agents.map(({ pid }) => parentOf(pid!));
      expect(new Set(guards).size).toBe(20);
      await world.ok('kill', '--all');
    }
  });

  test('what they need in /tmp is there, though /tmp is their own', async () => {
    world.write('data', 'of the spec');
    const work = join(world.root, 'work');
    mkdirSync(work);
    const notify = join(world.runtimeDir, 'notify.sock');
    await spawn(1, `sandbox: {}\nprepare: [sh, -c, "cat ${world.root}/data; ls -d ${work} ${notify}"]`);
    const { stdout } = await world.ok('logs', '0');
    expect(stdout).toContain('of the spec');
    expect(stdout).toContain(`${work}\n${notify}`.split('\n').toSorted().join('\n'));
  });

  test('their helpers are in it as well, and how these end is known', async () => {
    const prepare = `[sh, -c, "echo x > ${world.root}/closed/x || exit 3"]`;
    const file = looking(world, `sandbox: {}\nprepare: ${prepare}`);
    const { code, stderr } = await world.fleetctl('spawn', '1', '-f', file);
    expect(code).not.toBe(0);
    const failed = (await world.events()).filter(({ type }) => type === 'start-failed');
    expect(`${stderr}${JSON.stringify(failed)}`).toMatch(/prepare exited 3/);
    expect(existsSync(join(world.root, 'closed/x'))).toBe(false);
  });

  test('only what the spec names is shared or read-only', async () => {
    await spawn(1, 'sandbox: { tmp: shared }');
    const { dir } = await agent();
    expect(lookOf(dir)).toEqual(expect.arrayContaining(['reads /etc', 'writes /tmp']));
    expect(readFileSync(join('/tmp', markOf(world)), 'utf8')).toBe('here\n');
    rmSync(join('/tmp', markOf(world)));
    await world.ok('spawn', '1', '-f', looking(world, 'sandbox: { readOnly: false }'));
    await world.ok('rolling-update');
    const { dir: same } = await agent();
    expect(lookOf(same)).toEqual(expect.arrayContaining(['writes /etc', `writes ${world.root}/closed`]));
    expect(existsSync(join('/tmp', markOf(world)))).toBe(false);
  });

  test('keep capabilities, which port 80 needs', async () => {
    world.write(
      'fleet.yaml',
      `name: web
command: [perl, -e, 'use IO::Socket::INET; $l = IO::Socket::INET->new(LocalAddr => "127.0.0.1:80", Listen => 1) or die $!; sleep']
user: nobody
ready: { after: 300ms }
restart: { on: never }
sandbox: {}
process: { capabilities: [NET_BIND_SERVICE] }
`,
    );
    await world.ok('spawn', '1', '-f', 'fleet.yaml');
    const status = read((await agent()).pid!, 'status');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb', 'CapBnd'])
      expect(status).toMatch(new RegExp(`^${set}:\\s+0{13}400$`, 'm'));
  });

  test('a path that is not there fails the start by name', async () => {
    const file = looking(world, 'sandbox: { writable: [./nowhere] }').replace('storm: off', '');
    const spawning = world.fleetctl('spawn', '1', '-f', file);
    await until(async () => (await world.isServed()) && (await agent())?.state === 'backoff');
    const reasons = (await world.events()).map(({ reason }) => reason).join('\n');
    expect(reasons).toMatch(/sandbox\.writable: there is no .*nowhere/);
    await world.ok('kill', '--all');
    await spawning;
  });

  test.each([
    [
      'without bubblewrap',
      'unshare -m sh -c \'mount --bind /dev/null /usr/bin/bwrap; exec "$0" "$@"\'',
      /bubblewrap: there is no executable bwrap/,
    ],
    [
      'without the right to use it',
      'setpriv --bounding-set=-sys_admin',
      /bubblewrap cannot make one here: bwrap: /,
    ],
  ])('are refused %s, and nothing is left', async (_, wrapper, message) => {
    const { program } = world;
    world.program = world.write('limited', `#!/bin/sh\nexec ${wrapper} ${program} "$@"\n`);
    chmodSync(world.program, 0o755);
    const ended = await world.fleetctl('spawn', '1', '-f', looking(world, 'sandbox: {}'));
    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toMatch(message);
    expect((await world.status()).fleets).toEqual([]);
  });
});

describe.skipIf(NOT_NOBODY !== null)(title('agents of an ordinary user in a sandbox', NOT_NOBODY), () => {
  let world: World;
  beforeEach(() => {
    world = new World({ HOME: '/nonexistent' }, NOBODY);
    chmodSync(world.root, 0o755);
  });
  afterEach(() => world.dispose());

  test('are contained, signalled and found again like those of root', async () => {
    const file = looking(world, `sandbox: { writable: [${world.root}/cache] }`);
    await world.ok('spawn', '2', '-f', file);
    const before = await world.ps();
    for (const { dir, pid } of before) {
      expect(lookOf(dir)).toEqual(
        expect.arrayContaining(['reads /etc', 'writes /tmp', `writes ${dir}`, `writes ${world.root}/cache`]),
      );
      expect(lookOf(dir)).toContain(`reads ${world.root}/closed`);
      expect(readStat(pid!)!.session).toBe(pid);
      expect(read(parentOf(pid!), 'environ')).toBe('');
    }
    await world.killSupervisor();
    await world.ok('spawn', '2', '-f', file);
    expect((await world.ps()).map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
    await world.ok('signal', 'USR1', '--slots', '0');
    await until(async () => {
      const [row] = await world.ps();
      return row!.state === 'ready' && row!.pid !== before[0]!.pid;
    });
    const { pid } = (await world.ps())[0]!;
    await world.ok('signal', 'USR1', '--slots', '0');
    await until(async () => {
      const [row] = await world.ps();
      return row!.state === 'ready' && row!.pid !== pid;
    });
    expect((await world.ps())[0]!.lastExit?.reason).toBe('exited 7');
    await world.ok('kill', '--all');
  });

  test('are gone after a kill that comes while they enter', async () => {
    const file = looking(world, 'sandbox: {}');
    for (let round = 0; round < 5; round++) {
      const spawning = world.fleetctl('spawn', '20', '-f', file);
      await until(async () => (await world.isServed()) && (await world.ps()).some(({ pid }) => pid !== null));
      await world.ok('kill', '--all', '--now');
      await spawning;
      expect(world.processes()).toEqual([]);
    }
  });

  test('keep no capabilities: that needs root', async () => {
    const file = looking(world, 'sandbox: {}\nprocess: { capabilities: [NET_BIND_SERVICE] }');
    const { code, stderr } = await world.fleetctl('spawn', '1', '-f', file, '--force');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/process\.capabilities: .*need root/);
  });
});
