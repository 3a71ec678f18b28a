import { execFile } from 'node:child_process';
import {
  chownSync,
  existsSync,
  globSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestRunner } from 'vitest';
import type { AgentRow } from '../../src/api/agents.ts';
import type { FleetEvent } from '../../src/api/events.ts';
import type { FleetStatus } from '../../src/api/fleets.ts';
import type { StatusDocument } from '../../src/api/status.ts';
import { type Client, clientOf, isAway } from '../../src/cli/client.ts';
import { findCgroupMount } from '../../src/host/proc/cgroup.ts';
import { describeWait } from '../../src/host/proc/wait-point.ts';

const FLEETCTL = new URL('../../bin/fleetctl', import.meta.url).pathname;
const UNTIL_POLL_MS = 50;
const EVENTS_MAX = 10_000;
/** So much of the end of the supervisor's log is shown where a test failed. */
const LOG_SHOWN = 4_000;

/** How a command ended. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** A supervisor of its own for one test: own directories, own ports; everything it started is gone after `dispose`. */
export class World {
  readonly root = mkdtempSync(join(tmpdir(), 'fleet-'));
  readonly stateDir = join(this.root, 's');
  readonly runtimeDir = join(this.root, 'r');
  readonly env: Record<string, string>;
  /** The fleetctl that is tested. */
  program = FLEETCTL;
  /** Who runs fleetctl, where it is not whoever runs the tests. */
  readonly uid: number | undefined;

  constructor(env: Record<string, string> = {}, uid?: number) {
    this.uid = uid;
    if (uid !== undefined) chownSync(this.root, uid, uid);
    this.env = {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '/',
      FLEETD_STATE_DIR: this.stateDir,
      FLEETD_RUNTIME_DIR: this.runtimeDir,
      ...env,
    };
  }

  /** Runs fleetctl to its end, in the world's root directory. */
  fleetctl(...args: string[]): Promise<Ended> {
    return new Promise((resolve) => {
      execFile(
        this.program,
        args,
        {
          env: this.env,
          cwd: this.root,
          maxBuffer: 2 ** 28,
          ...(this.uid !== undefined && { uid: this.uid, gid: this.uid }),
        },
        (error, stdout, stderr) =>
          resolve({ code: (error as { code?: number } | null)?.code ?? 0, stdout, stderr }),
      );
    });
  }

  /** Runs fleetctl and fails unless it ends with 0. */
  async ok(...args: string[]): Promise<Ended> {
    const ended = await this.fleetctl(...args);
    if (ended.code !== 0)
      throw new Error(`fleetctl ${args.join(' ')}: exit ${ended.code}\n${ended.stderr}${ended.stdout}`);
    return ended;
  }

  /**
   * Asks the supervisor directly. A test that waits asks many times a second, and each fleetctl would take a tenth of a
   * second of processor time from the tests that run beside it.
   */
  get client(): Client {
    return clientOf(join(this.runtimeDir, 'fleetd.sock'));
  }

  status(): Promise<StatusDocument> {
    return this.client.call('status');
  }

  /** Whether a supervisor answers. */
  async isServed(): Promise<boolean> {
    try {
      await this.status();
      return true;
    } catch (error) {
      if (isAway(error)) return false;
      throw error;
    }
  }

  /** The only fleet, or the one of this name. */
  async fleet(name?: string): Promise<FleetStatus> {
    const { fleets } = await this.status();
    const found = name === undefined ? fleets[0] : fleets.find((fleet) => fleet.name === name);
    if (!found) throw new Error(`no fleet ${name ?? ''}`);
    return found;
  }

  /** Every agent, by fleet and slot. */
  async ps(): Promise<AgentRow[]> {
    const { agents } = await this.client.call('agents');
    return agents.sort((a, b) => a.fleet.localeCompare(b.fleet) || a.slot - b.slot);
  }

  async events(): Promise<FleetEvent[]> {
    const events: FleetEvent[] = [];
    for await (const event of this.client.lines('events', { limit: EVENTS_MAX })) events.push(event);
    return events;
  }

  /** The supervisor's pid; null where none runs. */
  supervisorPid(): number | null {
    const lock = join(this.stateDir, 'fleetd.lock');
    const pid = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0;
    return pid > 0 && isRunning(pid) ? pid : null;
  }

  /** The process that forks for the supervisor. */
  launcherPid(): number {
    const children = readFileSync(
      `/proc/${this.supervisorPid()}/task/${this.supervisorPid()}/children`,
      'utf8',
    );
    const isLauncher = (pid: string) => readFileSync(`/proc/${pid}/cmdline`, 'utf8') === 'fleetd-launcher\0';
    return Number(children.split(' ').find((pid) => pid !== '' && isLauncher(pid)));
  }

  /** kill −9 of the supervisor, and waits until it is gone. */
  async killSupervisor(): Promise<void> {
    const pid = this.supervisorPid();
    if (pid === null) throw new Error('no supervisor runs');
    process.kill(pid, 'SIGKILL');
    await until(() => !isRunning(pid));
  }

  /** Writes a file into the world's root. */
  write(name: string, content: string, mode = 0o644): string {
    const path = join(this.root, name);
    writeFileSync(path, content, { mode });
    return path;
  }

  /** This world's cgroup tree; null where the host has none that can be written. */
  get cgroup(): string | null {
    const mount = findCgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'));
    const identity = join(this.stateDir, 'identity');
    const id = existsSync(identity) ? (JSON.parse(readFileSync(identity, 'utf8')) as { id: string }).id : '';
    const path = `${mount}${this.env.FLEETD_AGENTS_CGROUP ?? ''}/fleetd-${id}`;
    return mount !== null && existsSync(path) ? path : null;
  }

  /** The agents' processes, and all they forked, as the kernel knows them: by cgroup, or else by the log they write to. */
  processes(): number[] {
    if (this.cgroup) {
      const procs = globSync(`${this.cgroup}/[a-z]*/[0-9]*/cgroup.procs`);
      return procs.flatMap((path) => readFileSync(path, 'utf8').split('\n').filter(Boolean).map(Number));
    }
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && readLink(`/proc/${pid}/fd/1`).startsWith(`${this.stateDir}/logs/`));
  }

  /** Processes that left their slot's cgroup for that of the supervisor, or never came out of it. */
  escaped(): number[] {
    if (!this.cgroup || !existsSync(`${this.cgroup}/_supervisor`)) return [];
    const procs = readFileSync(`${this.cgroup}/_supervisor/cgroup.procs`, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map(Number);
    return procs.filter((pid) => pid !== this.supervisorPid());
  }

  /** Ends the agents and the supervisor, whatever the test did, and removes every file. */
  async dispose(): Promise<void> {
    if (TestRunner.getCurrentTest()?.result?.state === 'fail') await this.#tell();
    await this.endAll();
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Ends the agents and the supervisor, whatever the test did. */
  async endAll(): Promise<void> {
    const pid = this.supervisorPid();
    if (!(await this.#shutDown()) && pid !== null) tryKill(pid);
    if (pid !== null) await until(() => !isRunning(pid));
    // Where two were started at once, the second may wait for its turn until now.
    await until(() => this.#supervisors().filter(tryKill).length === 0);
    for (const pid of [...this.processes(), ...this.escaped()]) tryKill(pid);
    await until(() => this.processes().length + this.escaped().length === 0);
    for (const level of ['/*/*/', '/*/', '/']) {
      if (this.cgroup) for (const directory of globSync(this.cgroup + level)) tryRemove(directory);
    }
  }

  /** Every process of this world's supervisors, also of those that do not serve yet, and of fleetctl. */
  #supervisors(): number[] {
    const mark = `FLEETD_STATE_DIR=${this.stateDir}`;
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && environmentOf(pid).split('\0').includes(mark));
  }

  /** Shuts the supervisor down with its agents. @returns false if none answered or it did not end */
  async #shutDown(): Promise<boolean> {
    try {
      await this.client.call('shutdown', {}, { withAgents: true });
      await until(async () => !(await this.isServed()));
      return true;
    } catch {
      return false;
    }
  }

  /** What a reader of a failed test wants to know, since nothing of this world stays. */
  async #tell(): Promise<void> {
    const pid = this.supervisorPid();
    const log = join(this.stateDir, 'fleetd.log');
    if (pid !== null) process.stderr.write(`── supervisor ${pid} ──\n${describeWait(pid)}\n`);
    if (existsSync(log)) process.stderr.write(readFileSync(log, 'utf8').slice(-LOG_SHOWN));
    for (const args of [['ps'], ['events', '--limit', '60']]) {
      const { stdout, stderr } = await this.fleetctl(...args);
      process.stderr.write(`── fleetctl ${args.join(' ')} ──\n${stdout}${stderr}`);
    }
  }
}

/** Waits until a condition holds; fails with its name after `timeoutMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
  what = condition.toString(),
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(UNTIL_POLL_MS);
  }
}

/** Whether a process lives. One whose first thread is a zombie does as long as others of its threads still end. */
export function isRunning(pid: number): boolean {
  try {
    return (
      !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')) || readdirSync(`/proc/${pid}/task`).length > 1
    );
  } catch {
    return false;
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Empty for a process that has ended. */
function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return '';
  }
}

function tryRemove(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {}
}

/** @returns whether there was such a process */
function tryKill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}
