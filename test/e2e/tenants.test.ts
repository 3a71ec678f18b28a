import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isRunning, until } from './harness.ts';
import { ATTACKER, BASE_UID, Tenants, UNTOUCHED, VICTIM } from './tenants.ts';

const IS_ROOT = process.getuid!() === 0;
const DENIED = /: (Permission denied|Operation not permitted)$/;

describe.skipIf(!IS_ROOT)('agents that attack (only root can give them users of their own)', () => {
  let tenants: Tenants;
  beforeEach(() => {
    tenants = new Tenants();
  });
  afterEach(() => tenants.dispose());

  /** Whatever the attacker did, the supervisor answers and the other agent is the same as before. */
  async function expectUnharmed(victim: number): Promise<void> {
    const agents = await tenants.ps();
    expect(agents.find(({ slot }) => slot === VICTIM)).toMatchObject({ pid: victim, state: 'ready' });
    expect(isRunning(victim)).toBe(true);
    expect(tenants.loot).toEqual(UNTOUCHED);
  }

  describe('in the place of its socket', () => {
    test.each([
      ['a symbolic link to root’s file', 'symlink $precious, $socket', /is in the way: a symbolic link/],
      ['a hard link to its own file', 'link "$dir/said", $socket', /is in the way: a file/],
      ['a FIFO', 'mkfifo $socket, 0666', /is in the way: a special file/],
      ['a directory', 'mkdir $socket', /is in the way: a directory/],
    ])('%s keeps it from starting again, and touches nobody else', async (_what, plant, reason) => {
      const [, victim] = await tenants.attack(`${plant} or die $!; say_so('done'); sleep 1000;`);
      await tenants.said();
      await tenants.fleetctl('restart', '--slots', String(ATTACKER), '--timeout', '2s');
      const failure = (await tenants.events()).find(({ type }) => type === 'start-failed');
      expect(failure?.reason).toMatch(reason);
      await tenants.ok('restart', '--slots', String(VICTIM));
      expect((await tenants.ps())[VICTIM]!.pid).not.toBe(victim!.pid);
      expect(tenants.loot).toEqual(UNTOUCHED);
    });

    test('a link to root’s socket is not followed: the API’s answer makes it not ready', async () => {
      const attack = 'symlink "$runtime/fleetd.sock", $socket or die $!; sleep 1000;';
      const ready = { http: '/v1/status', timeout: '1s' };
      await tenants.attack(attack, { ready }, 1);
      const types = (await tenants.events()).map(({ type }) => type);
      expect(types).toContain('start');
      expect(types).not.toContain('ready');
    });
  });

  test('root’s files and devices cannot be linked or made, nor its own directories moved', async () => {
    const [, victim] = await tenants.attack(`
      say_so('mknod: ' . (system("mknod $socket b 8 0 2>/dev/null") ? 'Operation not permitted' : 'DONE'));
      attempt('link', link $precious, $socket);
      attempt('move its directory', rename $dir, "$dir.away");
      attempt('move its socket’s directory', rename "$runtime/web/0", "$runtime/web/0.away");
      attempt('write beside its directory', open my $beside, '>', "$state/fleets/web/x");
      attempt('write beside its socket', open my $near, '>', "$runtime/web/x");
      attempt('read its log', open my $log, '<', "$state/logs/web/0.log");
      say_so('done'); sleep 1000;`);
    for (const line of await tenants.said()) expect(line).toMatch(DENIED);
    await expectUnharmed(victim!.pid!);
  });

  test('another’s processes, environment, files, socket and cgroup are closed to it', async () => {
    tenants.write('secret.env', 'TOKEN=hunter2\n');
    const [, victim] = await tenants.attack(
      `
      my ($pid, $procs) = told();
      attempt('signal', kill 'USR1', $pid);
      for my $name ('environ', 'mem', 'maps', 'fd/1', 'cwd/x', 'root/x') {
        attempt($name, open my $file, '<', "/proc/$pid/$name");
      }
      attempt('its directory', opendir my $entries, "$state/fleets/web/1");
      attempt('its log', open my $log, '<', "$state/logs/web/1.log");
      attempt('the state', open my $db, '<', "$state/fleetd.db");
      attempt('the copy of the state', open my $copy, '<', "$state/wanted.json");
      attempt('its cgroup', open my $cgroup, '>', $procs);
      socket(my $api, AF_UNIX, SOCK_STREAM, 0) or die;
      attempt('the API', connect $api, pack_sockaddr_un("$runtime/fleetd.sock"));
      say_so('done'); sleep 1000;`,
      { envFile: './secret.env' },
    );
    const leaf = `${tenants.cgroup}/web/${VICTIM}/cgroup.procs`;
    tenants.tell(`${victim!.pid} ${tenants.cgroup === null ? '/etc/passwd' : leaf}`);
    const said = await tenants.said();
    expect(said).toHaveLength(13);
    for (const line of said) expect(line).toMatch(DENIED);
    await expectUnharmed(victim!.pid!);
  });

  test('agents of one user can signal each other: only users of their own keep them apart', async () => {
    const [, victim] = await tenants.attack(
      `my ($pid) = told(); attempt('signal', kill 0, $pid); say_so('done'); sleep 1000;`,
      { user: 'nobody' },
    );
    tenants.tell(String(victim!.pid));
    expect(await tenants.said()).toEqual(['signal: DONE']);
  });

  test('one that swaps its socket for other things again and again leads no restart astray', async () => {
    const [, victim] = await tenants.attack(`
      $SIG{TERM} = 'IGNORE'; say_so('done');
      unless (fork) {
        my @turns = (
          sub { symlink $precious, $socket }, sub { symlink "$runtime/fleetd.sock", $socket },
          sub { mkfifo $socket, 0666 }, sub { mkdir $socket },
          sub { socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind $s, pack_sockaddr_un($socket) },
        );
        for (my $i = 0; ; $i++) { unlink $socket; rmdir $socket; $turns[$i % @turns]->() }
      }
      sleep 1000;`);
    await tenants.said();
    for (let i = 0; i < 5; i++)
      await tenants.fleetctl('restart', '--slots', String(ATTACKER), '--timeout', '1500ms');
    await expectUnharmed(victim!.pid!);
    await tenants.ok('kill', '--slots', String(ATTACKER));
    await until(() => tenants.processes().length === 1);
    await expectUnharmed(victim!.pid!);
  });

  test('a log of gigabytes, written or only claimed, is cut, and shown without harm', async () => {
    const [, victim] = await tenants.attack(
      `say_so('done');
       # A file of a terabyte that takes no room.
       truncate STDOUT, 2 ** 40;
       my $block = 'x' x 65535 . "\\n";
       for (1 .. 32768) { syswrite STDOUT, $block }
       sleep 1000;`,
      { logs: { maxSize: '1M' } },
    );
    await tenants.said();
    const log = join(tenants.stateDir, `logs/web/${ATTACKER}.log`);
    await until(() => existsSync(`${log}.1`) && statSync(log).size < 2 ** 20, 60_000, 'the log is cut');
    expect((await tenants.ok('logs', String(ATTACKER), '--lines', '1')).stdout.length).toBeLessThan(2 ** 21);
    await expectUnharmed(victim!.pid!);
  });

  test('a log that is given another name and mode shows nothing of what follows', async () => {
    const [, victim] = await tenants.attack(`
      my $linkat = { x86_64 => 265, aarch64 => 37 }->{(POSIX::uname())[4]};
      my ($log, $kept) = ('/proc/self/fd/1', "$dir/kept");
      syscall($linkat, -100, $log, -100, $kept, 0x400); # AT_FDCWD, AT_SYMLINK_FOLLOW
      chmod 0666, $log;
      syswrite STDOUT, "of this start\n";
      say_so('done'); sleep 1000;`);
    await tenants.said();
    const log = join(tenants.stateDir, `logs/web/${ATTACKER}.log`);
    expect(statSync(log).nlink).toBe(2);
    await tenants.ok('restart', '--slots', String(ATTACKER));
    await tenants.said();
    expect(statSync(`${log}.1`).nlink).toBe(2);
    expect(statSync(log)).toMatchObject({ nlink: 1 });
    await expectUnharmed(victim!.pid!);
  });

  test('a fork bomb is ended with all that it forked, however deaf and hidden', async () => {
    // The bomb's own bound: without a pids controller nothing else would hold it, and this host is shared.
    const [, victim] = await tenants.attack(`
      exec 'prlimit', '--nproc=64', $^X, $0, 'bounded' unless @ARGV;
      $SIG{$_} = 'IGNORE' for qw(TERM INT HUP);
      say_so('done');
      while (1) {
        my $pid = fork;
        if (defined $pid && $pid == 0) { setsid; close $_ for *STDIN, *STDOUT, *STDERR; $0 = 'kworker/0:0' }
        select undef, undef, undef, 0.01 unless defined $pid;
      }`);
    await tenants.said();
    await until(() => tenants.processes().length > 50, 20_000, 'it has forked');
    await tenants.ok('kill', '--slots', String(ATTACKER));
    await until(() => tenants.processes().length === 1, 20_000, 'all of it is gone');
    expect(tenants.escaped()).toEqual([]);
    await expectUnharmed(victim!.pid!);
  });

  test('a flood of words to the notify socket delays nobody', async () => {
    const attack = `
      socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
      my $to = pack_sockaddr_un($ENV{NOTIFY_SOCKET});
      send $s, 'READY=1', 0, $to; say_so('done'); fork;
      while (1) { send $s, "READY=1\\nMAINPID=1\\nSTATUS=" . 'x' x 4000, 0, $to }`;
    await tenants.attack(attack, { ready: { notify: true } }, 1);
    await tenants.said();
    await tenants.ok('spawn', '1', '--name', 'other', '--ready', 'after:1ms', '--', 'sleep', '100000');
    await tenants.ok('restart', '--fleet', 'web');
    expect(await tenants.ps()).toMatchObject([{ state: 'ready' }, { state: 'ready' }]);
  });

  test('a process with another slot’s FLEET_ variables is nobody’s agent, and nobody ends it', async () => {
    const [, victim] = await tenants.attack('sleep 1000;');
    const { dir, socket } = victim!;
    const env = { FLEET_NAME: 'web', FLEET_SLOT: String(VICTIM), FLEET_DIR: dir, FLEET_SOCKET: socket };
    const uid = BASE_UID + ATTACKER;
    const impostor = spawn('sleep', ['100000'], {
      uid,
      gid: uid,
      cwd: '/',
      detached: true,
      stdio: 'ignore',
      env,
    });
    try {
      await tenants.killSupervisor();
      await tenants.ok('spawn');
      await expectUnharmed(victim!.pid!);
      await tenants.ok('kill', '--all');
      expect(isRunning(impostor.pid!)).toBe(true);
    } finally {
      impostor.kill('SIGKILL');
    }
  });
});
