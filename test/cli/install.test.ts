import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isBooted } from '../../src/host/sys/systemd.ts';
import { World } from '../e2e/harness.ts';

const UNITS = 'etc/systemd/system';
const FILES = [
  'etc/sysctl.d/60-fleetd.conf',
  `${UNITS}/fleetd-agents.service`,
  `${UNITS}/fleetd-drain.service`,
  `${UNITS}/fleetd-watchdog.service`,
  `${UNITS}/fleetd-watchdog.timer`,
  `${UNITS}/fleetd.service`,
  `${UNITS}/fleetd.slice`,
  `${UNITS}/user-.slice.d/60-fleetd.conf`,
];
const LINKS = [
  `${UNITS}/multi-user.target.wants/fleetd.service`,
  `${UNITS}/timers.target.wants/fleetd-watchdog.timer`,
];

let world: World;
let root: string;
beforeEach(() => {
  world = new World();
  root = join(world.root, 'image');
});
afterEach(() => world.dispose());

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const present = () =>
  globSync('etc/**/*', { cwd: root })
    .filter((path) => !statOf(path).isDirectory())
    .sort();
const statOf = (path: string) =>
  statSync(join(root, path), { throwIfNoEntry: false }) ?? { isDirectory: () => false };
const install = (...args: string[]) => world.fleetctl('install', '--agents', '3000', '--root', root, ...args);

test('install --root writes every file, readable for all, and enables by links', async () => {
  expect((await install()).code).toBe(0);
  expect(present()).toEqual([...FILES, ...LINKS].sort());
  for (const path of FILES) expect(statSync(join(root, path)).mode & 0o777).toBe(0o644);
  for (const path of LINKS) expect(readlinkSync(join(root, path))).toMatch(/^\/etc\/systemd\/system\/fleetd/);
  expect(read(`${UNITS}/fleetd.service`)).toMatch(/^ExecStart=\/.*\/bin\/fleetd$/m);
  expect(read(`${UNITS}/fleetd-drain.service`)).toContain('TimeoutStopSec=960s');
  expect(FILES.map(read).join('')).not.toMatch(/@[a-zA-Z]+@/);
});

test('a second install finds that nothing differs, and changes nothing', async () => {
  await install();
  const before = FILES.map((path) => statSync(join(root, path)).ino);
  const again = await install();
  expect(again).toEqual({ code: 0, stdout: '', stderr: 'Nothing to change.\n' });
  expect(FILES.map((path) => statSync(join(root, path)).ino)).toEqual(before);
});

test('--dry-run shows the difference and writes nothing', async () => {
  const { code, stdout, stderr } = await install('--dry-run');
  expect(code).toBe(0);
  expect(stdout).toContain('+++ /etc/systemd/system/fleetd.service');
  expect(stdout).toContain('+Type=notify');
  expect(stderr).toContain('would write /etc/sysctl.d/60-fleetd.conf');
  expect(existsSync(root)).toBe(false);
});

test('a file that is not ours, or was edited, is left alone, by install and uninstall, and is an exit code of 1', async () => {
  mkdirSync(join(root, 'etc/sysctl.d'), { recursive: true });
  writeFileSync(join(root, 'etc/sysctl.d/60-fleetd.conf'), 'kernel.pid_max = 99999\n');
  expect((await install()).code).toBe(1);
  appendFileSync(join(root, `${UNITS}/fleetd.service`), '# by hand\n');
  const again = await install('--json');
  expect(again.code).toBe(1);
  const { files } = JSON.parse(again.stdout) as { files: { path: string; change: string; diff: string }[] };
  const kept = files.filter(({ change }) => change !== 'same');
  expect(kept.map(({ path, change }) => [path, change])).toEqual([
    ['/etc/sysctl.d/60-fleetd.conf', 'foreign'],
    ['/etc/systemd/system/fleetd.service', 'edited'],
  ]);
  expect(kept[0]!.diff).toContain('-kernel.pid_max = 99999');
  expect((await world.fleetctl('uninstall', '--root', root)).code).toBe(1);
  expect(present()).toEqual(['etc/sysctl.d/60-fleetd.conf', `${UNITS}/fleetd.service`]);
  expect(read('etc/sysctl.d/60-fleetd.conf')).toBe('kernel.pid_max = 99999\n');
});

test('a link or a directory in the place of a file is somebody else’s, also one that leads nowhere', async () => {
  mkdirSync(join(root, 'etc/sysctl.d/60-fleetd.conf'), { recursive: true });
  mkdirSync(join(root, UNITS), { recursive: true });
  const unit = join(root, UNITS, 'fleetd.service');
  symlinkSync(join(world.root, 'elsewhere'), unit);
  const { code, stderr } = await install();
  expect(code).toBe(1);
  expect(stderr).toContain('left unchanged: /etc/sysctl.d/60-fleetd.conf');
  expect(stderr).toContain('left unchanged: /etc/systemd/system/fleetd.service');
  expect(readlinkSync(unit)).toBe(join(world.root, 'elsewhere'));
  expect(existsSync(join(world.root, 'elsewhere'))).toBe(false);
  expect((await world.fleetctl('uninstall', '--root', root)).code).toBe(1);
  expect(lstatSync(unit).isSymbolicLink()).toBe(true);
});

test.each(['outside', 'nowhere'])(
  'nothing is written through a link that leads out of the root: %s',
  async (target) => {
    mkdirSync(root);
    mkdirSync(join(world.root, 'outside'));
    symlinkSync(join(world.root, target), join(root, 'etc'));
    const { code, stderr } = await install();
    expect(code).toBe(2);
    expect(stderr).toContain(`leads out of --root ${root}, to ${join(world.root, target)}`);
    expect(globSync('outside/**', { cwd: world.root })).toEqual(['outside']);
    expect((await world.fleetctl('uninstall', '--root', root)).code).toBe(2);
  },
);

test('a link within the root is followed', async () => {
  mkdirSync(join(root, 'usr/etc'), { recursive: true });
  symlinkSync('usr/etc', join(root, 'etc'));
  expect((await install()).code).toBe(0);
  expect(existsSync(join(root, 'usr', FILES[0]!))).toBe(true);
  expect((await install()).stderr).toBe('Nothing to change.\n');
});

test('what is in the place of a link that enables a unit stays, and nothing is written', async () => {
  mkdirSync(join(root, UNITS, 'multi-user.target.wants'), { recursive: true });
  writeFileSync(join(root, LINKS[0]!), 'mine');
  const { code, stderr } = await install();
  expect(code).toBe(2);
  expect(stderr).toContain('is not the link that enables the unit');
  expect(present()).toEqual([LINKS[0]]);
  expect(read(LINKS[0]!)).toBe('mine');
});

test('a root that is a file is refused in words', async () => {
  writeFileSync(root, '');
  const { code, stderr } = await install();
  expect(code).toBe(2);
  expect(stderr).toMatch(/^FLEET_USAGE: .* cannot be a directory: ENOTDIR/);
});

test('uninstall takes away all that install wrote, and nothing else', async () => {
  await install();
  writeFileSync(join(root, `${UNITS}/mine.service`), '');
  expect((await world.fleetctl('uninstall', '--root', root)).code).toBe(0);
  expect(present()).toEqual([`${UNITS}/mine.service`]);
});

test('the ports, target and pace of a spec go into the files', async () => {
  const spec = world.write(
    'pilot.yaml',
    'name: pilot\ncommand: [sleep, "{port}"]\ntarget: 200\nports: { base: 24500, protocol: udp }\nstop: { grace: 10s, parallel: 50 }\n',
  );
  expect((await world.fleetctl('install', '-f', spec, '--root', root)).code).toBe(0);
  expect(read('etc/sysctl.d/60-fleetd.conf')).toMatch(/^net.ipv4.ip_local_reserved_ports = .*24500-24699/m);
  expect(read(`${UNITS}/fleetd-drain.service`)).toContain('TimeoutStopSec=100s');
});

test.skipIf(!existsSync('/usr/bin/systemd-analyze'))(
  'the units pass systemd-analyze verify without a word',
  async () => {
    await install();
    const units = FILES.filter((path) => path.includes('/fleetd')).map((path) => join(root, path));
    // The man pages that they name come with the package, which is not installed here.
    const verify = ['verify', '--man=no', ...units];
    const { status, stdout, stderr } = spawnSync('systemd-analyze', verify, { encoding: 'utf8' });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  },
);

test.skipIf(isBooted())('where systemd does not run, a dry run says that the units are left', async () => {
  const { code, stdout, stderr } = await world.fleetctl('install', '--agents', '10', '--dry-run');
  expect(code).toBe(0);
  expect(stdout).not.toContain('fleetd.service');
  expect(stderr).toContain('systemd is not PID 1 on this host');
});
