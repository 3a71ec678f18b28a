import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { listPids, readLink } from '../../src/host/proc/pid.ts';
import { listCgroupMounts, removeTree } from '../cgroups.ts';
import { launch, run } from '../commands.ts';
import { agentArgs, MARK, type Place, portsOf } from '../place.ts';
import { isAlive } from '../processes.ts';
import { untilTrue } from '../waiting.ts';
import { type Command, Contestant, DEBIAN_VERSION, fromDebian } from './contestant.ts';

/** A small system with systemd of the host's own release, made at the first use. */
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fleetd-bench');
const ROOT = join(CACHE, 'systemd');
const BUILD_TIMEOUT_MS = 600_000;

/**
 * systemd: instances of a template unit below one target, in a container with the network of the host, since a host can
 * have but one systemd that counts.
 */
export class Systemd extends Contestant {
  readonly name = 'systemd';
  override readonly tools = [
    { program: 'systemd-nspawn', get: fromDebian('systemd-container') },
    { program: 'mmdebstrap', get: fromDebian('mmdebstrap') },
  ];
  /** The container's PID 1, as the host sees it. */
  #init = 0;
  /** The cgroup below which those of the container are, in every hierarchy that it has some in. */
  #cgroup: string | null = null;

  async version(): Promise<string> {
    await buildOnce(this.place);
    return readFileSync(join(ROOT, 'version'), 'utf8').trim();
  }

  override async prepare(): Promise<void> {
    this.#writeUnits();
    const args = [
      '--quiet',
      '--boot',
      '--volatile=overlay',
      '--register=no',
      '--keep-unit',
      `--machine=fb-${process.pid}`,
      `--directory=${ROOT}`,
      `--bind-ro=${this.#units}:/usr/local/lib/systemd/system`,
      `--bind-ro=${this.place.busybox}:${this.place.busybox}`,
    ];
    const nspawn = await launch(this.place, 'systemd-nspawn', args);
    await untilTrue(
      async () => {
        if (!isAlive(nspawn))
          throw new Error('systemd-nspawn ended: it needs root and a cgroup tree of its own');
        this.#init = await findInit(nspawn);
        return this.#init > 0 && (await this.#isBooted());
      },
      this.place.timeoutMs,
      () => 'systemd has booted in its container',
    );
    this.#cgroup = cgroupOf(this.#init);
  }

  async start(): Promise<void> {
    await this.#inside('systemctl', 'start', 'bench.target');
  }

  async stop(): Promise<void> {
    await this.#inside('systemctl', 'stop', 'bench.target', 'httpd@*');
  }

  override status(): Command {
    return [...this.#enter, 'systemctl', 'list-units', '--no-pager', 'httpd@*'];
  }

  /** All in the container: its namespace of pids is its own. */
  override processes(): number[] {
    const marked = super.processes();
    if (!this.#init) return marked;
    const namespace = readLink(this.#init, 'ns/pid');
    if (namespace === null) return marked;
    return listPids().filter((pid) => readLink(pid, 'ns/pid') === namespace || marked.includes(pid));
  }

  /** systemd-nspawn was killed before it could take them away. */
  override async cleanUp(): Promise<void> {
    if (this.#cgroup === null) return;
    for (const mount of listCgroupMounts()) {
      for (const leaf of ['payload', 'supervisor']) removeTree(join(mount, this.#cgroup, leaf));
    }
  }

  /** systemd-nspawn itself does not supervise. */
  override supervision(): number[] {
    const namespace = readLink(this.#init, 'ns/pid');
    return super.supervision().filter((pid) => readLink(pid, 'ns/pid') === namespace);
  }

  #writeUnits(): void {
    const wants = join(this.#units, 'bench.target.wants');
    mkdirSync(wants, { recursive: true });
    const { busybox, directory } = this.place;
    const unit = `[Unit]
StartLimitIntervalSec=0
PartOf=bench.target
[Service]
ExecStart=${[busybox, ...agentArgs('%i')].join(' ')}
Environment=${MARK}=${directory}
Restart=always
RestartSec=0
StandardOutput=null
StandardError=null
`;
    writeFileSync(join(this.#units, 'httpd@.service'), unit);
    writeFileSync(join(this.#units, 'bench.target'), '[Unit]\nAllowIsolate=no\n');
    for (const port of portsOf(this.place))
      symlinkSync('../httpd@.service', join(wants, `httpd@${port}.service`));
  }

  async #isBooted(): Promise<boolean> {
    try {
      const { stdout } = await run(this.place, 'sh', [
        '-c',
        `${[...this.#enter, 'systemctl', 'is-system-running'].join(' ')} || :`,
      ]);
      return /^(running|degraded)/.test(stdout);
    } catch {
      return false;
    }
  }

  async #inside(...command: Command): Promise<void> {
    await this.output(...this.#enter, ...command);
  }

  get #enter(): Command {
    return ['nsenter', '--target', `${this.#init}`, '--mount', '--uts', '--ipc', '--pid', '--'];
  }

  get #units(): string {
    return join(this.place.directory, 'units');
  }
}

/** The process that systemd-nspawn started as the container's first; 0 where it has none yet. */
async function findInit(nspawn: number): Promise<number> {
  const own = readLink(nspawn, 'ns/pid');
  const children = readFileSync(`/proc/${nspawn}/task/${nspawn}/children`, 'utf8').split(' ').filter(Boolean);
  return children.map(Number).find((pid) => (readLink(pid, 'ns/pid') ?? own) !== own) ?? 0;
}

/** Where systemd-nspawn put itself (supervisor) and the container (payload), from where its PID 1 is; or null. */
function cgroupOf(init: number): string | null {
  const text = readFileSync(`/proc/${init}/cgroup`, 'utf8');
  return /^(?:0:|\d+:name=systemd):(.*)\/payload(?:\/|$)/m.exec(text)?.[1] ?? null;
}

/** The release of the host, whose keys are there. */
function hostCodename(): string {
  return /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'stable';
}

async function buildOnce(place: Place): Promise<void> {
  if (existsSync(join(ROOT, 'version'))) return;
  const root = `${ROOT}.new`;
  rmSync(root, { recursive: true, force: true });
  mkdirSync(CACHE, { recursive: true });
  const slow = { ...place, timeoutMs: BUILD_TIMEOUT_MS };
  await run(slow, 'mmdebstrap', [
    '--quiet',
    '--variant=minbase',
    '--include=systemd,systemd-sysv',
    hostCodename(),
    root,
  ]);
  const { stdout } = await run(slow, 'chroot', [root, 'dpkg-query', '-W', '-f', DEBIAN_VERSION, 'systemd']);
  writeFileSync(join(root, 'version'), stdout);
  renameSync(root, ROOT);
}
