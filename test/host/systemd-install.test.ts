import { expect, test } from 'vitest';
import { chooseWay } from '../../src/host/autostart/way.ts';
import { unifiedDiff } from '../../src/host/install/diff.ts';
import {
  drainTimeoutSec,
  judgeInstall,
  judgeRemoval,
  renderUnit,
  seal,
} from '../../src/host/install/plan.ts';

const lengthHash = (text: string) => String(text.length).padStart(64, '0');

test('a file is created, kept as it is, or renewed, as long as it is ours', () => {
  const old = seal('old\n', lengthHash);
  const wanted = seal('wanted\n', lengthHash);
  expect(judgeInstall(null, wanted, lengthHash)).toBe('create');
  expect(judgeInstall(wanted, wanted, lengthHash)).toBe('same');
  expect(judgeInstall(old, wanted, lengthHash)).toBe('update');
  expect(judgeRemoval(old, lengthHash)).toBe('remove');
  expect(judgeRemoval(null, lengthHash)).toBe('absent');
});

test('a file that was edited, or never ours, is left alone', () => {
  const edited = `${seal('old\n', lengthHash)}by hand\n`;
  expect(judgeInstall(edited, seal('new\n', lengthHash), lengthHash)).toBe('edited');
  expect(judgeRemoval(edited, lengthHash)).toBe('edited');
  expect(judgeInstall('theirs\n', seal('new\n', lengthHash), lengthHash)).toBe('foreign');
  expect(judgeRemoval('theirs\n', lengthHash)).toBe('foreign');
});

test('a path in an Exec line is escaped as systemd reads it', () => {
  const values = { bindir: '/opt/my 100%/bin', drainTimeoutSec: 90 };
  expect(renderUnit('ExecStart=@bindir@/fleetd\nTimeoutStopSec=@drainTimeoutSec@s', values)).toBe(
    'ExecStart=/opt/my\\x20100%%/bin/fleetd\nTimeoutStopSec=90s',
  );
  expect(() => renderUnit('@bindri@', values)).toThrow('@bindri@');
});

test('a drain has time for the whole grace of every batch', () => {
  expect(drainTimeoutSec(3_000, { parallel: 100, graceMs: 30_000 })).toBe(30 * 30 + 60);
  expect(drainTimeoutSec(1, { parallel: 100, graceMs: 500 })).toBe(1 + 60);
});

test('a difference shows changed lines with three around them, and joins hunks that touch', () => {
  const lines = Array.from({ length: 20 }, (_, i) => `line ${i + 1}`);
  const after = lines.with(1, 'two').toSpliced(15, 1);
  expect(unifiedDiff('/f', `${lines.join('\n')}\n`, `${after.join('\n')}\n`)).toBe(
    [
      ...[
        '--- /f',
        '+++ /f',
        '@@ -1,5 +1,5 @@',
        ' line 1',
        '-line 2',
        '+two',
        ' line 3',
        ' line 4',
        ' line 5',
      ],
      ...[
        '@@ -13,7 +13,6 @@',
        ' line 13',
        ' line 14',
        ' line 15',
        '-line 16',
        ' line 17',
        ' line 18',
        ' line 19',
      ],
    ].join('\n'),
  );
  expect(unifiedDiff('/f', 'a\n', 'a\n')).toBe('');
});

test('a new file and one that goes are differences from and to nothing', () => {
  expect(unifiedDiff('/f', null, 'a\nb\n')).toBe('--- /dev/null\n+++ /f\n@@ -0,0 +1,2 @@\n+a\n+b');
  expect(unifiedDiff('/f', 'a\n', null)).toBe('--- /f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a');
});

const booted = { isRoot: true, isBooted: true, isInstalled: true, isLingering: false };

test('a supervisor on demand is the installed unit where that serves its directories', () => {
  expect(chooseWay(booted)).toBe('installed-unit');
  expect(chooseWay({ ...booted, isInstalled: false })).toBe('transient-unit');
});

test('a user without linger gets a process: his manager ends with the last session', () => {
  expect(chooseWay({ ...booted, isRoot: false, isLingering: true })).toBe('user-unit');
  expect(chooseWay({ ...booted, isRoot: false })).toBe('process');
});

test('without systemd a supervisor on demand is a process', () => {
  expect(chooseWay({ ...booted, isBooted: false })).toBe('process');
});
