import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const GUEST = join(PROJECT, 'test/vm/guest');
const IMAGES = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'fleetd-vm');
const TOOLS = ['qemu-system-x86_64', 'mmdebstrap', 'busybox', 'mkfs.ext4'];
/** Emulation is five to fifteen times slower than the machine that it runs on. */
const TIME_LIMIT_S = 2_400;
const MEMORY_MIB = 3_072;
const PROCESSORS = 2;

/** Why no virtual machine can be started here; null where one can. */
export function whyNoMachine(): string | null {
  if (!process.env.FLEET_TEST_VM) return 'minutes of emulation: npm run test:vm';
  if (process.getuid!() !== 0) return 'needs root, to build the image';
  const missing = TOOLS.filter((tool) => !isThere(tool));
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : null;
}

function isThere(tool: string): boolean {
  return (process.env.PATH ?? '').split(':').some((directory) => existsSync(join(directory, tool)));
}

/** What a script in the guest has told, one `name value` a line; a name may come several times. */
export class Told {
  readonly text: string;
  readonly #values = new Map<string, string[]>();

  constructor(text: string) {
    this.text = text;
    for (const [, name, value] of text.matchAll(/^TELL (\S+) ?(.*?)\r?$/gm)) {
      this.#values.set(name!, [...(this.#values.get(name!) ?? []), value!]);
    }
  }

  /** All values of a name, in the order they came. */
  all(name: string): string[] {
    return this.#values.get(name) ?? [];
  }

  /** The only value of a name. */
  one(name: string): string {
    const values = this.all(name);
    if (values.length === 1) return values[0]!;
    throw new Error(`the guest told ${name} ${values.length} times\n${this.text}`);
  }

  number(name: string): number {
    return Number(this.one(name));
  }
}

/**
 * Boots a machine with a real systemd, with this project's package in it, and runs a script of test/vm/guest as root
 * in it, also after each reboot that it asks for, until the machine is powered off.
 * @param name of the script, without .sh
 */
export async function runInMachine(name: string): Promise<Told> {
  const say = reporter(name);
  if (!existsSync(join(IMAGES, 'disk.ext4'))) {
    say(`building the image in ${IMAGES}, once`);
    execFileSync(join(PROJECT, 'test/vm/build.sh'), [IMAGES], { stdio: ['ignore', 'inherit', 'inherit'] });
  }
  const work = mkdtempSync(join(tmpdir(), 'fleet-vm-'));
  try {
    say('packing the project');
    const payload = join(work, 'payload');
    packProject(payload);
    cpSync(GUEST, payload, { recursive: true });
    cpSync(join(GUEST, `${name}.sh`), join(payload, 'run.sh'));
    const disk = join(work, 'payload.tar');
    execFileSync('tar', ['-cf', disk, '-C', payload, '.']);
    rmSync(payload, { recursive: true });
    say('booting');
    const told = new Told(await boot(work, disk, say));
    say('powered off');
    return told;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Shows each line with the seconds since the start, as it comes: emulation takes minutes. */
function reporter(name: string): (line: string) => void {
  const startedAt = Date.now();
  return (line) => {
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    process.stderr.write(`${String(seconds).padStart(5)} s  ${name}: ${line}\n`);
  };
}

/** The package as npm would publish it, with its production dependencies, so that it works without a network. */
function packProject(payload: string): void {
  mkdirSync(payload);
  const npm = (...args: string[]) => execFileSync('npm', args, { cwd: PROJECT, encoding: 'utf8' });
  const [packed] = JSON.parse(
    npm('pack', '--json', '--silent', '--pack-destination', payload).replace(/^[^[]*/, ''),
  ) as [{ filename: string }];
  execFileSync('tar', ['-xzf', join(payload, packed.filename), '-C', payload]);
  rmSync(join(payload, packed.filename));
  renameSync(join(payload, 'package'), join(payload, 'fleetd'));
  const dependencies = npm('ls', '--omit=dev', '--all', '--parseable').trim().split('\n').slice(1);
  for (const directory of dependencies) {
    cpSync(directory, join(payload, 'fleetd', relative(PROJECT, directory)), { recursive: true });
  }
}

/**
 * Runs the machine until it is powered off. A reboot of the guest stays in the same qemu, so `snapshot` keeps its writes
 * across reboots and drops them at the end.
 * @param onLine called with each line that the guest prints, as it comes
 * @returns all lines
 */
async function boot(work: string, payload: string, onLine: (line: string) => void): Promise<string> {
  const console = join(work, 'console');
  const drive = (file: string, more: string) => ['-drive', `file=${file},format=raw,if=virtio,${more}`];
  const machine = spawn(
    'qemu-system-x86_64',
    [
      // Not KVM because /dev/kvm is there: nested ones hang. Emulation is everywhere.
      ...['-accel', 'tcg,thread=multi', '-cpu', 'qemu64', '-machine', 'q35'],
      ...['-m', String(MEMORY_MIB), '-smp', String(PROCESSORS)],
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-nic', 'none'],
      ...['-kernel', join(IMAGES, 'vmlinuz'), '-initrd', join(IMAGES, 'initramfs.gz')],
      ...[
        '-append',
        'console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off systemd.unified_cgroup_hierarchy=1 systemd.show_status=0',
      ],
      ...drive(join(IMAGES, 'disk.ext4'), 'snapshot=on,cache=unsafe'),
      ...drive(payload, 'readonly=on'),
      ...['-serial', `file:${console}`, '-serial', 'stdio'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(machine, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const timer = setTimeout(() => machine.kill('SIGKILL'), TIME_LIMIT_S * 1000);
  let told = '';
  try {
    for await (const line of createInterface(machine.stdout)) {
      told += `${line}\n`;
      onLine(line);
    }
    const [code, signal] = await ended;
    if (code === 0) return told;
    throw new Error(
      `the machine ended with ${signal ?? code} (SIGKILL: after ${TIME_LIMIT_S} s)\n${told}\n${readFileSync(console, 'utf8').slice(-4_000)}`,
    );
  } finally {
    clearTimeout(timer);
  }
}
