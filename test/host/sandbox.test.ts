import { existsSync, lchownSync, mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exitInside, wrapperFor } from '../../src/host/process/sandbox.ts';
import { Scratch } from './processes.ts';

const ALL_BUT_BOX = { readOnly: true, writable: [], emptied: [], visible: [] };
const IS_MISSING = !existsSync('/usr/bin/bwrap');

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

/** The mounts among bubblewrap's words: `--ro-bind FROM TO`, `--tmpfs TO`. */
function mounts(sandbox: Partial<Parameters<typeof wrapperFor>[0]>): string[] {
  const { argv } = wrapperFor({ ...ALL_BUT_BOX, ...sandbox });
  return argv
    .slice(1, argv.indexOf('--'))
    .join(' ')
    .split(/ (?=--)/)
    .filter((words) => /^--(ro-|dev-)?bind |^--tmpfs |^--dir /.test(words));
}

test.skipIf(IS_MISSING)('a read-only file system keeps /dev and /proc, and what is writable', () => {
  mkdirSync(scratch.path('in'));
  const path = realpathSync(scratch.path('in'));
  expect(mounts({ writable: [path, scratch.root] })).toEqual([
    '--ro-bind / /',
    '--dev-bind /dev /dev',
    '--bind /proc /proc',
    // What lies in another one comes after it.
    `--dev-bind ${realpathSync(scratch.root)} ${realpathSync(scratch.root)}`,
    `--dev-bind ${path} ${path}`,
  ]);
  expect(mounts({ readOnly: false, writable: [path] })).toEqual(['--dev-bind / /']);
});

test.skipIf(IS_MISSING)(
  'what is in an empty directory and needed is there, by the name that it is known by',
  () => {
    mkdirSync(scratch.path('release-1'));
    symlinkSync('release-1', scratch.path('current'));
    symlinkSync('/usr/share', scratch.path('shared'));
    const real = realpathSync(scratch.path('release-1'));
    const current = join(realpathSync(scratch.root), 'current');
    const shared = join(realpathSync(scratch.root), 'shared');
    expect(
      mounts({
        emptied: ['/tmp'],
        visible: [scratch.path('current'), scratch.path('shared'), '/usr', '/nonexistent'],
      }),
    ).toEqual([
      '--ro-bind / /',
      '--dev-bind /dev /dev',
      '--bind /proc /proc',
      '--tmpfs /tmp',
      `--dir ${realpathSync(scratch.root)}`,
      `--ro-bind ${current} ${current}`,
      `--ro-bind ${real} ${real}`,
      `--ro-bind ${shared} ${shared}`,
    ]);
  },
);

test.skipIf(IS_MISSING)('an empty directory stays empty below a writable one', () => {
  expect(mounts({ writable: ['/var', '/'], emptied: ['/tmp', '/var/tmp'] }).slice(3)).toEqual([
    '--dev-bind / /',
    '--tmpfs /tmp',
    '--dev-bind /var /var',
    '--tmpfs /var/tmp',
  ]);
});

test.skipIf(IS_MISSING)(
  'what lies in a writable directory is writable, though it must be visible too',
  () => {
    mkdirSync(scratch.path('dir/work'), { recursive: true });
    mkdirSync(scratch.path('spec/cache'), { recursive: true });
    symlinkSync('/var/lib', scratch.path('spec/elsewhere'));
    const [dir, spec] = [scratch.path('dir'), scratch.path('spec')];
    const sandbox = {
      emptied: ['/tmp'],
      writable: [dir, `${spec}/cache`, `${spec}/elsewhere`],
      visible: [spec, `${spec}/program`, `${dir}/work`],
    };
    expect(mounts(sandbox).slice(5)).toEqual([
      `--dev-bind ${dir} ${dir}`,
      `--ro-bind ${spec} ${spec}`,
      `--dev-bind ${spec}/cache ${spec}/cache`,
      // The link is visible in the directory of the spec.
      '--dev-bind /var/lib /var/lib',
    ]);
  },
);

test.skipIf(IS_MISSING || process.getuid!() !== 0)('a link of an agent makes nothing writable', () => {
  symlinkSync('/', scratch.path('link'));
  lchownSync(scratch.path('link'), 65_534, 65_534);
  expect(() => mounts({ writable: [`${scratch.path('link')}/var`] })).toThrow(
    `sandbox.writable: ${scratch.path('link')} is a link of uid 65534`,
  );
  // One of root's leads to it.
  symlinkSync('link', scratch.path('trusted'));
  expect(() => mounts({ writable: [`${scratch.path('trusted')}/var`] })).toThrow(
    `sandbox.writable: ${scratch.path('link')} is a link of uid 65534`,
  );
  symlinkSync('loop', scratch.path('loop'));
  expect(() => mounts({ writable: [scratch.path('loop')] })).toThrow('sandbox.writable: ELOOP');
});

test.skipIf(IS_MISSING)('links lead bubblewrap nowhere: it gets real paths', () => {
  symlinkSync('/var/lib', scratch.path('link'));
  expect(mounts({ writable: [scratch.path('link')] }).at(-1)).toBe('--dev-bind /var/lib /var/lib');
  expect(() => mounts({ writable: [scratch.path('missing')] })).toThrow(
    `sandbox.writable: there is no ${scratch.path('missing')}`,
  );
});

test.each([
  [0, { code: 0, signal: null }],
  [127, { code: 127, signal: null }],
  [128, { code: 128, signal: null }],
  [143, { code: null, signal: 'SIGTERM' }],
  [192, { code: null, signal: 'SIGRTMIN+30' }],
  [193, { code: 193, signal: null }],
  [255, { code: 255, signal: null }],
])('exit code %d of bubblewrap', (code, exit) => {
  expect(exitInside({ code, signal: null })).toEqual(exit);
});

test('how bubblewrap itself was killed', () => {
  expect(exitInside({ code: null, signal: 'SIGKILL' })).toEqual({ code: null, signal: 'SIGKILL' });
});
