import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findCgroupMount } from '../../src/host/proc/cgroup.ts';
import { isRunning, until, World } from './harness.ts';

const FLEETD = new URL('../../bin/fleetd', import.meta.url).pathname;
const MOUNT = findCgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'));
const TEST = `/fleetd-home-${process.pid}`;
const UNIT = `${TEST}/fleetd.service`;
const HOME = `${TEST}/agents.service`;

/** Stands for systemd: two units with a cgroup each. */
function makeUnits(): boolean {
  try {
    for (const unit of ['', UNIT, HOME]) mkdirSync(`${MOUNT}${unit || TEST}`);
    return true;
  } catch {
    return false;
  }
}

function removeUnits(): void {
  for (const unit of [UNIT, HOME, TEST]) if (existsSync(`${MOUNT}${unit}`)) rmdirSync(`${MOUNT}${unit}`);
}

const CAN_WRITE = MOUNT !== null && makeUnits();
removeUnits();

/** The pids in a unit's own cgroup. */
const membersOf = (unit: string) =>
  readFileSync(`${MOUNT}${unit}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number);

test.skipIf(!CAN_WRITE).for([
  ['a home that is missing', `${TEST}/none.service`, 'ENOENT'],
  ['a supervisor that has no service of its own', HOME, 'not a service with a cgroup of its own'],
])('%s is an error at start, not a silent fallback', async ([, home, why]) => {
  makeUnits();
  const world = new World({ FLEETD_AGENTS_CGROUP: home! });
  try {
    const inUnit = home === HOME ? '' : `echo $$ > ${MOUNT}${UNIT}/cgroup.procs && `;
    const { code, stderr } = await run(`${inUnit}exec ${FLEETD}`, world);
    expect(code).toBe(1);
    const { error } = JSON.parse(stderr.trim().split('\n').at(-1)!);
    expect(error.code).toBe('FLEET_CGROUP_UNUSABLE');
    expect(error.message).toContain(`FLEETD_AGENTS_CGROUP=${home} cannot be the agents' home`);
    expect(error.message).toContain(why);
  } finally {
    await world.dispose();
    removeUnits();
  }
});

function run(script: string, world: World): Promise<{ code: number | null; stderr: string }> {
  const child = spawn('/bin/sh', ['-c', script], { env: world.env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stderr })));
}

test.skipIf(!CAN_WRITE)('agents live in their home, and the supervisor in its unit', async () => {
  makeUnits();
  const world = new World({ FLEETD_AGENTS_CGROUP: HOME });
  let supervisor: ChildProcess | undefined;
  const start = async () => {
    const script = `echo $$ > ${MOUNT}${UNIT}/cgroup.procs && exec ${FLEETD}`;
    supervisor = spawn('/bin/sh', ['-c', script], { env: world.env, stdio: 'ignore' });
    await until(() => world.isServed(), 60_000, 'the supervisor answers');
  };
  try {
    await start();
    await world.ok(
      'spawn',
      '8',
      '--no-autostart',
      '--name',
      'homely',
      '--ready',
      'after:10ms',
      '--',
      '/bin/sleep',
      '1000',
    );
    expect(world.cgroup).toContain(`${MOUNT}${HOME}/fleetd-`);
    const agents = (await world.ps()).map(({ pid }) => pid!);
    expect(world.processes().sort()).toEqual([...agents].sort());
    expect(membersOf(UNIT)).toEqual([supervisor!.pid]);
    expect(existsSync(`${world.cgroup}/_supervisor`)).toBe(false);

    // A start that was cut off: nobody noted it, so the next supervisor ends it.
    await world.killSupervisor();
    const cutOff = spawn('/bin/sh', ['-c', `echo $$ > ${MOUNT}${UNIT}/cgroup.procs && exec sleep 1000`], {
      detached: true,
      stdio: 'ignore',
    });
    await until(() => membersOf(UNIT).includes(cutOff.pid!));
    await start();
    await until(() => !isRunning(cutOff.pid!), 60_000, 'the cut-off start is ended');
    expect((await world.ps()).map(({ pid }) => pid)).toEqual(agents);

    await world.ok('shutdown', '--with-agents');
    expect(world.cgroup).toBeNull();
    expect(existsSync(`${MOUNT}${HOME}`)).toBe(true);
  } finally {
    await world.dispose();
    await until(() => membersOf(UNIT).length === 0);
    removeUnits();
  }
});
