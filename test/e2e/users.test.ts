import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Ended, until, World } from './harness.ts';

const FLEETCTL = new URL('../../bin/fleetctl', import.meta.url).pathname;
const IS_ROOT = process.getuid!() === 0;
const NOBODY = { uid: 65534, gid: 65534 };
const BASE = 100_000;
const SECRET = 'hunter2-do-not-tell';

const id = (...args: string[]) => execFileSync('id', args, { encoding: 'utf8' }).trim();
/** A user of this host with supplementary groups, or else one without. */
const USER = (() => {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':')[0]!);
  const rich = users.find((user) => user && user !== 'root' && id('-G', user).includes(' '));
  return rich ?? 'daemon';
})();

describe.skipIf(!IS_ROOT)('agents of other users (only root can start them)', () => {
  let world: World;
  beforeEach(() => {
    world = new World();
    // A test's directory is its maker's alone; that of a host's supervisor is not.
    chmodSync(world.root, 0o711);
  });
  afterEach(() => world.dispose());

  const spec = (name: string, text: string) =>
    world.write(
      `${name}.yaml`,
      `name: ${name}\n${text.includes('ready:') ? '' : 'ready: { after: 1ms }\n'}rounds: { parallel: 10, delay: 0s }\nrestart: { backoff: { min: 1ms, max: 10ms }, storm: off }\n${text}\n`,
    );
  const SLEEP = 'command: [sleep, "100000"]';

  /** Runs a command as a user and gives how it ended. */
  function as(uid: number, command: string, ...args: string[]): Promise<Ended> {
    const argv = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', command, ...args];
    return new Promise((resolve) => {
      execFile('setpriv', argv, { env: world.env, cwd: '/' }, (error, stdout, stderr) =>
        resolve({ code: (error as { code?: number } | null)?.code ?? 0, stdout, stderr }),
      );
    });
  }

  function statusOf(pid: number, name: string): string {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(status)![1]!;
  }

  const environmentOf = (pid: number) =>
    Object.fromEntries(
      readFileSync(`/proc/${pid}/environ`, 'utf8')
        .split('\0')
        .filter(Boolean)
        .map((pair) => pair.split(/=(.*)/s).slice(0, 2)),
    );

  const four = (value: number) => Array(4).fill(value).join('\t');
  const ownerOf = (path: string) => [lstatSync(path).uid, lstatSync(path).gid];
  const modeOf = (path: string) => (lstatSync(path).mode & 0o777).toString(8);

  test('a named user’s agents run with its groups, no way to new privileges, and a directory of their own', async () => {
    await world.ok('spawn', '2', '-f', spec('named', `${SLEEP}\nuser: ${USER}`));
    const [uid, gid] = [Number(id('-u', USER)), Number(id('-g', USER))];
    const groups = id('-G', USER)
      .split(' ')
      .map(Number)
      .sort((a, b) => a - b);
    for (const { pid, dir, socket } of await world.ps()) {
      expect(statusOf(pid!, 'Uid')).toBe(four(uid));
      expect(statusOf(pid!, 'Gid')).toBe(four(gid));
      expect(
        statusOf(pid!, 'Groups')
          .split(' ')
          .map(Number)
          .sort((a, b) => a - b),
      ).toEqual(groups);
      expect(statusOf(pid!, 'NoNewPrivs')).toBe('1');
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) expect(statusOf(pid!, set)).toMatch(/^0+$/);
      expect(environmentOf(pid!)).toMatchObject({ USER, LOGNAME: USER, HOME: expect.stringMatching(/^\//) });
      expect(ownerOf(dir)).toEqual([uid, gid]);
      expect(modeOf(dir)).toBe('700');
      expect(ownerOf(dirname(socket))).toEqual([uid, gid]);
      // What it can fill it cannot replace.
      for (const above of [dirname(dir), dirname(dirname(socket))]) {
        expect(ownerOf(above)).toEqual([0, 0]);
        expect(modeOf(above)).toMatch(/^7[15][15]$/);
      }
    }
  });

  test('each slot of { base } is a user of its own, without groups', async () => {
    await world.ok('spawn', '3', '-f', spec('each', `${SLEEP}\nuser: { base: ${BASE} }`));
    for (const { slot, pid, dir } of await world.ps()) {
      const uid = BASE + slot;
      expect(statusOf(pid!, 'Uid')).toBe(four(uid));
      expect(statusOf(pid!, 'Gid')).toBe(four(uid));
      expect(statusOf(pid!, 'Groups')).toBe('');
      expect(statusOf(pid!, 'NoNewPrivs')).toBe('1');
      expect(environmentOf(pid!)).toMatchObject({ USER: String(uid), LOGNAME: String(uid), HOME: '/' });
      expect(ownerOf(dir)).toEqual([uid, uid]);
      expect(modeOf(dir)).toBe('700');
    }
  });

  test('no way leads from one slot to another’s secrets, to the store, or to the API', async () => {
    world.write('secret.env', `TOKEN=${SECRET}\n`);
    const file = spec(
      'tenants',
      `command: [sh, -c, "echo mine > {dir}/file; exec sleep 100000"]\nuser: { base: ${BASE} }\nenvFile: secret.env`,
    );
    await world.ok('spawn', '2', '-f', file);
    const [first, second] = await world.ps();
    await until(() => existsSync(`${first!.dir}/file`));
    const readers = [
      ['cat', `${first!.dir}/file`],
      ['ls', first!.dir],
      ['cat', `/proc/${first!.pid}/environ`],
      ['ls', world.stateDir],
      ['ls', world.runtimeDir],
      ...[
        'fleetd.db',
        'wanted.json',
        'events.db',
        'fleetd.log',
        'fleetd.out',
        'logs/tenants/1.log',
        'logs/tenants/0.log',
      ].map((name) => ['cat', `${world.stateDir}/${name}`]),
      ['cat', `${world.runtimeDir}/run.db`],
      ['sh', '-c', `echo x > ${world.stateDir}/fleets/x`],
      ['sh', '-c', `echo x > ${world.runtimeDir}/x`],
      ['sh', '-c', `mv ${second!.dir} ${second!.dir}.away`],
      ['sh', '-c', `kill -0 ${first!.pid}`],
    ];
    for (const [command, ...args] of readers) {
      const { code, stdout, stderr } = await as(BASE + 1, command!, ...args);
      expect({ command: args.join(' '), denied: code !== 0, stdout }).toEqual({
        command: args.join(' '),
        denied: true,
        stdout: '',
      });
      expect(stderr).toMatch(/Permission denied|not permitted/);
    }
    // Its own things are open to it, so the refusals above are about the others'.
    expect((await as(BASE + 1, 'cat', `${second!.dir}/file`)).stdout).toBe('mine\n');
    const denied = await as(BASE + 1, FLEETCTL, 'status');
    expect(denied.code).toBe(1);
    expect(denied.stderr).toMatch(/denied|permission|EACCES/i);
    expect((await as(BASE + 1, FLEETCTL, 'kill', '--all')).code).toBe(1);
    expect(await world.ps()).toHaveLength(2);
  });

  test('an envFile’s values are in the agents’ environment and nowhere else that can be seen', async () => {
    world.write('secret.env', `TOKEN=${SECRET}\nexport OTHER="${SECRET}-2"\n`);
    const file = spec('quiet', `${SLEEP}\nuser: nobody\nenvFile: secret.env`);
    const seen: string[] = [];
    const run = async (...args: string[]) => {
      const { stdout, stderr } = await world.fleetctl(...args);
      seen.push(stdout, stderr);
    };
    await run('spawn', '2', '-f', file, '--json');
    const [agent] = await world.ps();
    expect(environmentOf(agent!.pid!)).toMatchObject({ TOKEN: SECRET, OTHER: `${SECRET}-2` });
    for (const command of ['status', 'ps', 'events']) await run(command, '--json');
    await run('status');
    await run('logs', '0');
    await run('restart');
    await run('kill', '1', '--json');
    for (const path of ['/v1/status', '/v1/agents', '/v1/events'])
      seen.push(await get(`${world.runtimeDir}/fleetd.sock`, path));
    for (const pid of [agent!.pid!, world.supervisorPid()!]) {
      if (existsSync(`/proc/${pid}`)) seen.push(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    }
    // A line that is none may be a secret of which the name was forgotten; a wrong spec may have one anywhere.
    world.write('secret.env', `TOKEN=x\n${SECRET}\n`);
    await run('spawn', '2', '-f', file);
    expect(seen.at(-1)).toMatch('line 2');
    expect(seen.join('\n')).not.toContain(SECRET);

    const holding = globSync(`${world.root}/{s,r}/**`, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`)
      .filter((path) => readFileSync(path).includes(SECRET));
    // The store must know them to start agents again; nothing else may, and nobody else may read it.
    expect(
      holding
        .map((path) => path.slice(world.stateDir.length + 1))
        .filter((name) => !/^(fleetd\.db(-wal)?|wanted\.json)$/.test(name)),
    ).toEqual([]);
    for (const path of holding) expect([modeOf(path), ...ownerOf(path)]).toEqual(['600', 0, 0]);
  });

  test('a changed user needs --force, and gets the directories that the old one had', async () => {
    const command =
      'command: [sh, -c, "id -u >> {dir}/users; mkdir -p {dir}/deep; touch {dir}/deep/file; exec sleep 100000"]';
    writeFileSync(`${world.root}/precious`, 'as it was', { mode: 0o600 });
    await world.ok('spawn', '1', '-f', spec('heir', `${command}\nuser: nobody`));
    const { dir } = (await world.ps())[0]!;
    await until(() => existsSync(`${dir}/deep/file`));
    symlinkSync(`${world.root}/precious`, `${dir}/soft`);
    const refused = await world.fleetctl('spawn', '-f', spec('heir', `${command}\nuser: daemon`));
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--force') });
    expect(ownerOf(dir)[0]).toBe(NOBODY.uid);

    for (const [user, uid] of [
      ['user: daemon', Number(id('-u', 'daemon'))],
      [`user: { base: ${BASE} }`, BASE],
      ['', 0],
    ] as const) {
      await world.ok('spawn', '1', '-f', spec('heir', `${command}\n${user}`), '--force');
      await until(() => readFileSync(`${dir}/users`, 'utf8').trim().split('\n').at(-1) === String(uid));
      for (const path of [dir, `${dir}/users`, `${dir}/deep`, `${dir}/deep/file`])
        expect([path, ownerOf(path)[0]]).toEqual([path, uid]);
      expect(ownerOf(`${world.root}/precious`)).toEqual([0, 0]);
    }
  });

  test('a link that an agent planted in place of its socket is neither followed nor removed', async () => {
    await world.ok('spawn', '1', '-f', spec('planter', `${SLEEP}\nuser: nobody`));
    const [agent] = await world.ps();
    writeFileSync(`${world.root}/precious`, 'as it was', { mode: 0o600 });
    expect((await as(NOBODY.uid, 'ln', '-s', `${world.root}/precious`, agent!.socket)).code).toBe(0);
    await world.fleetctl('restart', '--timeout', '3s');
    await until(async () => (await world.events()).some(({ type }) => type === 'start-failed'));
    const failure = (await world.events()).find(({ type }) => type === 'start-failed');
    expect(failure?.reason).toBe(`${agent!.socket} is in the way: a symbolic link`);
    expect(readFileSync(`${world.root}/precious`, 'utf8')).toBe('as it was');
    expect(modeOf(`${world.root}/precious`)).toBe('600');
    unlinkSync(agent!.socket);
    await until(async () => (await world.ps())[0]?.state === 'ready');
  });

  test('links that an agent planted in its directory survive neither it nor anything else: a purge takes only them', async () => {
    const outside = `${world.root}/outside`;
    execFileSync('mkdir', ['-m', '777', outside]);
    writeFileSync(`${outside}/precious`, '');
    const plant = `ln -s ${outside} {dir}/link; ln -s / {dir}/root; ln -s ${outside}/precious {dir}/file`;
    await world.ok(
      'spawn',
      '1',
      '-f',
      spec('purged', `command: [sh, -c, "${plant}; exec sleep 100000"]\nuser: nobody`),
    );
    const [agent] = await world.ps();
    await until(() => globSync(`${agent!.dir}/file`).length === 1);
    await world.ok('kill', '--all');
    await world.ok('remove', '--purge', '--fleet', 'purged');
    expect(existsSync(agent!.dir)).toBe(false);
    expect(existsSync(`${outside}/precious`)).toBe(true);
    expect(ownerOf(outside)).toEqual([0, 0]);
  });

  test('prepare runs once for a slot, as its user, in its world', async () => {
    const prepare = 'prepare: [sh, -c, "echo $(id -u) $PWD $FLEET_SLOT >> {dir}/prepared; exec 3<&0 4>&1"]';
    const file = spec('prepared', `${SLEEP}\n${prepare}\nuser: { base: ${BASE} }`);
    await world.ok('spawn', '2', '-f', file);
    const agents = await world.ps();
    await world.ok('restart');
    for (const { pid } of await world.ps()) process.kill(pid!, 'SIGKILL');
    await until(async () => (await world.ps()).every(({ state }) => state === 'ready'));
    await world.killSupervisor();
    await world.ok('spawn', '0');
    await world.ok('spawn', '2', '-f', file);
    for (const { slot, dir } of agents) {
      expect(readFileSync(`${dir}/prepared`, 'utf8')).toBe(`${BASE + slot} ${dir} ${slot}\n`);
      expect(statSync(`${dir}/prepared`).uid).toBe(BASE + slot);
    }
  });

  test('replacing a binary disturbs no agent, not even one that is started later', async () => {
    const binary = `${world.root}/my-daemon`;
    copyFileSync('/usr/bin/sleep', binary);
    chmodSync(binary, 0o755);
    const file = spec('copied', 'binary: ./my-daemon\ncommand: [./my-daemon, "100000"]\nuser: nobody');
    await world.ok('spawn', '2', '-f', file);
    const before = await world.ps();
    const runsCopy = (pid: number) =>
      readlinkSync(`/proc/${pid}/exe`).startsWith(`${world.stateDir}/releases/`);
    await until(() => before.every(({ pid }) => runsCopy(pid!)));
    // Written over in place, which ETXTBSY would forbid if it were what runs.
    writeFileSync(binary, 'not a program any more');
    process.kill(before[0]!.pid!, 'SIGKILL');
    await until(async () => {
      const [agent] = await world.ps();
      return agent!.state === 'ready' && agent!.pid !== before[0]!.pid && runsCopy(agent!.pid!);
    });
    expect((await world.ps())[0]!.release).toBe(before[0]!.release);
    expect((await world.ps())[1]!.pid).toBe(before[1]!.pid);
  });

  test('a binary that is a script can be read by the user who runs it', async () => {
    writeFileSync(`${world.root}/my-script`, '#!/bin/sh\nexec sleep 100000\n', { mode: 0o755 });
    const file = spec(
      'script',
      'binary: ./my-script\ncommand: [./my-script]\nuser: nobody\nready: { after: 500ms }',
    );
    await world.ok('spawn', '1', '-f', file, '--timeout', '20s');
    const [agent] = await world.ps();
    expect(readlinkSync(`/proc/${agent!.pid}/exe`)).toMatch(/sleep|busybox|coreutils/);
  });

  test.each([
    ['a user that is not there', 'user: no-such-user', /there is no user "no-such-user"/],
    ['a uid beyond the last', 'user: { base: 4294967294 }', /user/],
  ])('refuses %s before anything starts', async (_, user, message) => {
    const refused = await world.fleetctl('spawn', '2', '-f', spec('refused', `${SLEEP}\n${user}`));
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(message);
    expect(world.processes()).toEqual([]);
  });
});

/** Asks the API for a document. */
function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path }, (response) => {
      let text = '';
      response.on('data', (data) => (text += data)).on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
}
