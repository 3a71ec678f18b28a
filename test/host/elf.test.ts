import { expect, test } from 'vitest';
import { formatProblem, HEAD_BYTES } from '../../src/host/process/elf.ts';
import { readHead } from '../../src/host/sys/bounded.ts';

const head = (content: Buffer | string): Buffer => Buffer.from(content as string).subarray(0, HEAD_BYTES);

/** The beginning of an ELF file of 64 bits for this machine; elf(5). */
function elf(machine: number, isBigEndian = false): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write('\x7fELF', 'latin1');
  bytes[4] = 2;
  bytes[5] = isBigEndian ? 2 : 1;
  if (isBigEndian) bytes.writeUInt16BE(machine, 18);
  else bytes.writeUInt16LE(machine, 18);
  return bytes;
}

test('takes the programs of its own host', () => {
  expect(formatProblem(readHead(process.execPath, HEAD_BYTES))).toBe(null);
  expect(formatProblem(head('#!/bin/sh\nexit 0\n'))).toBe(null);
  expect(formatProblem(head('#! /usr/bin/env perl\n'))).toBe(null);
});

test.each([
  [elf(183), 'x64', 'is for ARM (64 bits), but this host is x64'],
  [elf(62), 'arm64', 'is for x86-64, but this host is arm64'],
  [elf(22, true), 'x64', 'is for S/390, but this host is x64'],
  [elf(999), 'x64', 'is for machine 999, but this host is x64'],
  [elf(62), 'x64', null],
  [elf(3), 'x64', null],
  [elf(40), 'arm64', null],
])('tells another architecture by the head of the file', (content, arch, problem) => {
  expect(formatProblem(head(content), arch)).toBe(problem);
});

test.each([
  ['', 'is empty'],
  ['junk', 'is neither an ELF executable nor a script that starts with #!'],
  [elf(62).subarray(0, 10), 'is neither an ELF executable nor a script that starts with #!'],
  ['#!/no/such/thing -x\n', 'is a script for /no/such/thing, which does not exist'],
  ['#!\n', 'is a script for no interpreter, which does not exist'],
])('tells what is no program', (content, problem) => {
  expect(formatProblem(head(content), 'x64')).toBe(problem);
});
