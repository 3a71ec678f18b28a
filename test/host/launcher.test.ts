import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { launchCalls, STEPS } from '../../src/host/launcher/calls.ts';
import { type Architecture, launcherImage } from '../../src/host/launcher/image.ts';
import type { Launch } from '../../src/host/launcher/launch.ts';
import { MACHINE_CODE } from '../../src/host/launcher/machine-code.ts';
import { compileScript } from '../../src/host/launcher/script.ts';
import { Scratch } from './processes.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

const has = (program: string) => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const PREFIX: Record<Architecture, string> = {
  x64: process.arch === 'x64' ? '' : 'x86_64-linux-gnu-',
  arm64: process.arch === 'arm64' ? '' : 'aarch64-linux-gnu-',
};

describe.each(['x64', 'arm64'] as const)('the machine code for %s', (architecture) => {
  const tool = (name: string) => PREFIX[architecture] + name;

  test.skipIf(!has(tool('as')))('is what its source says (needs binutils for it)', () => {
    const source = new URL(`../../src/host/launcher/${architecture}.S`, import.meta.url).pathname;
    const [object, code] = [scratch.path('object'), scratch.path('code')];
    execFileSync(tool('as'), ['-o', object, source]);
    execFileSync(tool('objcopy'), ['-O', 'binary', '-j', '.text', object, code]);
    expect(readFileSync(code, 'hex')).toBe(MACHINE_CODE[architecture]);
  });
});

/** How the other architecture's programs are run here; null where they cannot be. */
const EMULATOR: Record<Architecture, string | null> = {
  x64: process.arch === 'x64' ? '' : null,
  arm64: process.arch === 'arm64' ? '' : has('qemu-aarch64') ? 'qemu-aarch64' : null,
};

/** Runs a launcher as a program of its own, with what spawn.ts gives it. */
async function run(architecture: Architecture, changes: Partial<Launch>) {
  const launch = { path: '/bin/sh', argv: ['sh'], env: [], cwd: '/', output: { path: '' }, ...changes };
  const image = scratch.path('launcher');
  writeFileSync(image, launcherImage(architecture));
  chmodSync(image, 0o755);
  writeFileSync(scratch.path('script'), compileScript(2 ** 40 + 7, launchCalls(launch, architecture)));
  const files = [image, scratch.path('script')].map((path) => openSync(path, 'r'));
  const argv = [EMULATOR[architecture]!, image].filter(Boolean);
  const child = spawn(argv[0]!, argv.slice(1), {
    env: {},
    stdio: ['ignore', 'pipe', 'pipe', ...files, 'pipe'],
  });
  const [output, report] = [child.stdout!, (child.stdio as unknown as AsyncIterable<Buffer>[])[5]!].map(
    async (stream) => {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
  );
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, output: (await output)!.toString(), report: (await report)! };
}

describe.each(['x64', 'arm64'] as const)('the launcher for %s', (architecture) => {
  test.skipIf(EMULATOR[architecture] === null)(
    'becomes its program (arm64 elsewhere needs qemu-user)',
    async () => {
      const argv = [
        'a name of its own',
        '-c',
        'echo "$0" "$1" "$A"; pwd; umask; ulimit -Sn; for fd in 3 4 5; do test -e /proc/$$/fd/$fd && echo open; done; true',
        'zero',
        'one',
      ];
      const changes = {
        argv,
        env: ['A=ä', 'PATH=/bin'],
        cwd: '/usr',
        umask: 0o27,
        nofile: { soft: 99, hard: 999 },
      };
      const { code, output, report } = await run(architecture, changes);
      expect({ code, output, report: report.length }).toEqual({
        code: 0,
        output: 'zero one ä\n/usr\n0027\n99\n',
        report: 0,
      });
    },
  );

  test.skipIf(EMULATOR[architecture] === null)(
    'reports the step that failed, passes over what may fail',
    async () => {
      const { code, report } = await run(architecture, { path: '/nonexistent', oomScoreAdj: 5_000 });
      expect(code).toBe(127);
      expect(report).toHaveLength(16);
      expect(Number(report.readBigUInt64LE(0))).toBe(2 ** 40 + 7);
      expect(STEPS[report.readUInt32LE(8)]).toBe('execve');
      expect(report.readUInt32LE(12)).toBe(2);
    },
  );
});

test('what is the spec’s comes after the change of the user, and the cgroup before everything', () => {
  const launch: Launch = {
    path: '/p',
    argv: ['p'],
    env: ['LD_PRELOAD=x'],
    cwd: '/c',
    output: { path: '/o' },
    user: { uid: 1, gid: 2, groups: [3] },
    cgroup: '/g',
    umask: 0,
    nofile: { soft: 1, hard: 1 },
    oomScoreAdj: 1,
  };
  const steps = launchCalls(launch, 'x64').map(({ step }) => STEPS[step]);
  expect(steps).toEqual([
    ...['cgroup', 'cgroup', 'cgroup', 'umask', 'nofile'],
    ...['oom_score_adj', 'oom_score_adj', 'oom_score_adj', 'chdir', 'close', 'close', 'close'],
    ...['no_new_privs', 'setgroups', 'setresgid', 'setresuid', 'capset', 'chdir', 'execve'],
  ]);
});
