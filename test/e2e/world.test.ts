import { execFile, execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hostLocale } from '../../src/host/process/locale.ts';
import { type Ended, until, World } from './harness.ts';

const FLEETCTL = new URL('../../bin/fleetctl', import.meta.url).pathname;
const PORT_BASE = 21_000 + (process.pid % 1000) * 4;

/** The soft limit of open files of a system service. */
const SERVICE_NOFILE = 1_024;

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

/** Whether a program is there to make the caller's world dirtier still. */
function has(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
const HAS_TERMINAL = has('script', '--version');
const HAS_SIGNALS = has('env', '--block-signal=USR1', 'true');

/** Runs fleetctl from a world in which everything is set that could be inherited. */
function fromDirtyWorld(softNofile: number, ...args: string[]): Promise<Ended> {
  const quoted = [FLEETCTL, ...args].map((arg) => `'${arg}'`).join(' ');
  const signals = HAS_SIGNALS ? 'env --block-signal=USR1,USR2,TERM --ignore-signal=INT,QUIT,CHLD ' : '';
  const shell = [
    "trap '' HUP PIPE USR1 TTOU",
    'exec 8>>left-open 9</etc/passwd',
    'umask 077',
    `ulimit -Sn ${softNofile}`,
    'cd /usr/share',
    `exec ${signals}${quoted}`,
  ].join('\n');
  world.write('dirty.sh', shell);
  const script = `${world.root}/dirty.sh`;
  const [command, argv] = HAS_TERMINAL
    ? ['script', ['-qec', `bash ${script}`, '/dev/null']]
    : ['bash', [script]];
  const env = {
    ...world.env,
    SECRET_OF_THE_CALLER: 'x',
    LANG: 'tlh_KX.UTF-8',
    LC_ALL: 'C',
    TZ: 'Pacific/Kiritimati',
    USER: 'somebody',
    LOGNAME: 'somebody',
    NODE_OPTIONS: '--no-deprecation',
    LD_LIBRARY_PATH: '/nonexistent',
    FLEET_SLOT: '99',
    NOTIFY_SOCKET: '/nonexistent/notify',
  };
  return new Promise((resolve) => {
    execFile(command as string, argv as string[], { env, cwd: world.root }, (error, stdout, stderr) =>
      resolve({ code: (error as { code?: number } | null)?.code ?? 0, stdout, stderr }),
    );
  });
}

async function spawnFromDirtyWorld(softNofile: number, ...args: string[]): Promise<void> {
  const ended = await fromDirtyWorld(softNofile, 'spawn', ...args);
  if (ended.code !== 0) throw new Error(`exit ${ended.code}\n${ended.stdout}${ended.stderr}`);
}

const readText = (pid: number, name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8');
const field = (text: string, name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1];

/** What a process has, as the kernel tells it. */
function worldOf(pid: number) {
  const stat = readText(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ');
  const status = readText(pid, 'status');
  const [soft] = /Max open files\s+(\d+|unlimited)/.exec(readText(pid, 'limits'))!.slice(1);
  return {
    group: Number(stat[2]),
    session: Number(stat[3]),
    terminal: Number(stat[4]),
    environment: Object.fromEntries(
      readText(pid, 'environ')
        .split('\0')
        .filter(Boolean)
        .map((pair) => {
          const at = pair.indexOf('=');
          return [pair.slice(0, at), pair.slice(at + 1)];
        }),
    ),
    descriptors: Object.fromEntries(
      readdirSync(`/proc/${pid}/fd`).map((fd) => [fd, readlinkSync(`/proc/${pid}/fd/${fd}`)]),
    ),
    ignored: field(status, 'SigIgn'),
    blocked: field(status, 'SigBlk'),
    umask: field(status, 'Umask'),
    cwd: readlinkSync(`/proc/${pid}/cwd`),
    softNofile: Number(soft),
  };
}

const SPEC = `
name: clean
command: [sleep, "100000"]
env: { GREETING: "hello {slot} on {port}", PLAIN: x }
envFile: ./secret.env
ports: { base: ${PORT_BASE} }
ready: { after: 1ms }
rounds: { parallel: 10, delay: 0s }
restart: { backoff: { min: 1ms, max: 10ms }, storm: off }
`;

/** The whole world that the contract gives to an agent of the spec above. */
async function expectCleanWorlds(softNofile: number): Promise<void> {
  const agents = await world.ps();
  expect(agents).toHaveLength(2);
  for (const { slot, pid, dir, socket, port, release } of agents) {
    const log = `${world.stateDir}/logs/clean/${slot}.log`;
    const { username } = userInfo();
    expect(worldOf(pid!)).toEqual({
      group: pid,
      session: pid,
      terminal: 0,
      environment: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: homedir(),
        USER: username,
        LOGNAME: username,
        LANG: hostLocale().language,
        TZ: hostLocale().timeZone,
        GREETING: `hello ${slot} on ${port}`,
        PLAIN: 'x',
        TOKEN: 'it’s “quoted”',
        FLEET_NAME: 'clean',
        FLEET_SLOT: String(slot),
        FLEET_PORT: String(PORT_BASE + slot),
        FLEET_SOCKET: socket,
        FLEET_DIR: dir,
        FLEET_RELEASE: release,
      },
      descriptors: { 0: '/dev/null', 1: log, 2: log },
      ignored: '0000000000000000',
      blocked: '0000000000000000',
      umask: '0022',
      cwd: dir,
      softNofile,
    });
  }
}

async function restartByCrash(): Promise<void> {
  const before = await world.ps();
  for (const { pid } of before) process.kill(pid!, 'SIGKILL');
  await until(async () => {
    const after = await world.ps();
    return after.every(({ state, pid }, i) => state === 'ready' && pid !== before[i]!.pid);
  });
}

test('an agent’s world is clean, however dirty that of whoever started the supervisor', async () => {
  world.write('secret.env', "# for us only\nexport TOKEN='it’s “quoted”'\n");
  const spec = world.write('fleet.yaml', SPEC);
  await spawnFromDirtyWorld(777, '2', '-f', spec);
  await expectCleanWorlds(SERVICE_NOFILE);

  // Also after a crash, and under the next supervisor, which was started by somebody with another limit.
  await restartByCrash();
  await expectCleanWorlds(SERVICE_NOFILE);
  await world.killSupervisor();
  await spawnFromDirtyWorld(555, '2');
  await restartByCrash();
  await expectCleanWorlds(SERVICE_NOFILE);
});

test('resources.nofile stands above the caller’s limit, and may be lower than what the supervisor has open', async () => {
  world.write('secret.env', "TOKEN='it’s “quoted”'\n");
  const spec = world.write('fleet.yaml', `${SPEC}resources: { nofile: 16 }\n`);
  await spawnFromDirtyWorld(777, '2', '-f', spec);
  await expectCleanWorlds(16);
  await restartByCrash();
  await expectCleanWorlds(16);
});

test('a supervisor started by a command holds nothing of its caller', async () => {
  await spawnFromDirtyWorld(777, '1', '--ready', 'after:1ms', '--', 'sleep', '100000');
  const pid = world.supervisorPid()!;
  const { session, group, terminal, cwd, environment, descriptors } = worldOf(pid);
  expect({ session, group, terminal, cwd }).toEqual({ session: pid, group: pid, terminal: 0, cwd: '/' });
  const targets = Object.values(descriptors);
  expect(descriptors[0]).toBe('/dev/null');
  expect(targets.filter((target) => /passwd|left-open|pts|tty/.test(target))).toEqual([]);
  // Its own files, and none of anybody's: the state directory, its cgroup tree, or what the kernel made for it.
  expect(
    targets.filter(
      (target) =>
        !/^(\/dev\/null|anon_inode:|socket:|pipe:|\/memfd:fleetd-)/.test(target) &&
        !target.startsWith(world.root) &&
        target !== world.cgroup,
    ),
  ).toEqual([]);
  expect(environment).toMatchObject({ FLEETD_STATE_DIR: world.stateDir });
  const known =
    /^(FLEETD_STATE_DIR|FLEETD_RUNTIME_DIR|NODE_COMPILE_CACHE|XDG_RUNTIME_DIR|XDG_CACHE_HOME|HOME|USER|PATH|PWD|OLDPWD|SHLVL|_)$/;
  expect(Object.keys(environment).filter((name) => !known.test(name))).toEqual([]);
});

test('a helper’s world is as clean as its agent’s', async () => {
  world.write('secret.env', "TOKEN='it’s “quoted”'\n");
  const dump =
    'cat /proc/self/status > {dir}/$1.status; ls /proc/self/fd > {dir}/$1.fds; env > {dir}/$1.env; pwd > {dir}/$1.cwd; ulimit -Sn > {dir}/$1.nofile';
  const spec = world.write(
    'fleet.yaml',
    `${SPEC.replace('ready: { after: 1ms }', `ready: { exec: [sh, -c, "${dump}", x, check] }`)}
prepare: [sh, -c, "${dump}", x, prepare]
`,
  );
  await spawnFromDirtyWorld(777, '1', '-f', spec);
  const [agent] = await world.ps();
  const agents = worldOf(agent!.pid!).environment;
  for (const name of ['prepare', 'check']) {
    const read = (what: string) => readFileSync(`${agent!.dir}/${name}.${what}`, 'utf8');
    expect(field(read('status'), 'SigIgn')).toBe('0000000000000000');
    expect(field(read('status'), 'SigBlk')).toBe('0000000000000000');
    expect(field(read('status'), 'Umask')).toBe('0022');
    // The last one is the directory that ls itself has open.
    expect(read('fds').trim().split('\n')).toEqual(['0', '1', '2', '3']);
    expect(read('cwd')).toBe(`${agent!.dir}\n`);
    expect(read('nofile')).toBe(`${SERVICE_NOFILE}\n`);
    const environment = Object.fromEntries(
      read('env')
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s).slice(0, 2)),
    );
    delete environment.PWD; // The shell's own.
    expect(environment).toEqual(agents);
  }
});
