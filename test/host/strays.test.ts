import { chmodSync, copyFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isSupervised, readExecutable, readProgram, readSuspect } from '../../src/host/strays/find.ts';
import { parseSystemdCgroup, readOrigin, unitOf } from '../../src/host/strays/origin.ts';
import { until } from '../e2e/harness.ts';
import { Scratch, untilNamed } from './processes.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

function script(name: string, text: string): string {
  writeFileSync(scratch.path(name), text);
  return scratch.path(name);
}

test.each([
  ['#!/bin/sh\n', 'sh'],
  ['#! /usr/bin/perl -w\n', 'perl'],
  ['#!/usr/bin/env python3\n', 'python3'],
  ['#!/usr/bin/env -S A=1 node --flag\n', 'node'],
  ['no script', null],
  ['', null],
])('the interpreter of a script is the one that its first line names: %j', (text, interpreter) => {
  expect(readProgram(script('program', text))!.interpreter).toBe(interpreter);
});

test('a link leads to the file itself; no file is no program', () => {
  symlinkSync('/bin/sleep', scratch.path('zzz'));
  expect(readProgram(scratch.path('zzz'))).toMatchObject({ file: readProgram('/bin/sleep')!.file });
  expect(readProgram(scratch.path('none'))).toBeNull();
});

describe('a process', () => {
  test('is known by the file that it executes, also after that was replaced', async () => {
    const path = scratch.path('thing');
    copyFileSync('/bin/sleep', path);
    chmodSync(path, 0o755);
    const pid = scratch.start('', { path, argv: ['thing', '1000'] });
    await until(() => readExecutable(pid)?.path === path);
    const before = readExecutable(pid);
    expect(before).toEqual({ file: readProgram(path)!.file, path, isReplaced: false });
    unlinkSync(path);
    expect(readExecutable(pid)).toEqual({ ...before, isReplaced: true });
  });

  test('tells which files its words name, seen from its own directory', async () => {
    const launch = { path: '/bin/sh', argv: ['sh', './run', 'gone'], cwd: makeRun() };
    const pid = await untilNamed(scratch.start('', launch));
    const suspect = readSuspect(pid, readExecutable(pid)!, null)!;
    expect(suspect.argv).toEqual(['sh', './run', 'gone']);
    expect(suspect.files).toEqual([null, readProgram(scratch.path('run'))!.file, null]);
  });

  function makeRun(): string {
    script('run', 'sleep 1000; :\n');
    return scratch.root;
  }
});

test.each([
  ['1:name=systemd:/user.slice/session-5.scope\n0::/\n', '/user.slice/session-5.scope', 'session-5.scope'],
  ['0::/system.slice/docker.service/a/b\n', '/system.slice/docker.service/a/b', 'docker.service'],
  ['9:name=systemd:/\n0::/x\n', '/x', null],
  ['4:memory:/\n', null, null],
])('the unit is the innermost of the path in systemd’s hierarchy: %j', (text, cgroup, unit) => {
  expect(parseSystemdCgroup(text)).toBe(cgroup);
  expect(cgroup && unitOf(cgroup)).toBe(unit);
});

test('who started a process is told up to pid 1', () => {
  const { parents } = readOrigin(process.pid);
  expect(parents[0]).toMatchObject({ pid: process.ppid });
  expect(parents.at(-1)!.pid).toBe(1);
});

test('a process that another supervisor started is that one’s, as long as its state is there', async () => {
  script('fleetd.lock', '');
  const env = [`PATH=${process.env.PATH}`, `FLEET_DIR=${scratch.root}/fleets/web/3`];
  const pid = scratch.start('exec sleep 1000', { env });
  await until(() => readExecutable(pid)?.path.endsWith('sleep') === true);
  expect(isSupervised(pid, null)).toBe(true);
  expect(isSupervised(pid, scratch.root)).toBe(false);
  unlinkSync(scratch.path('fleetd.lock'));
  expect(isSupervised(pid, null)).toBe(false);
});
