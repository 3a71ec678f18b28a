import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeLimit, explainFailure, processLimits } from '../../src/host/facts/explain.ts';
import { SystemCallError } from '../../src/host/sys/libc.ts';
import { getLimit } from '../../src/host/sys/rlimit.ts';
import { Scratch } from './processes.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

const kernel = (name: string) => readFileSync(`/proc/sys/${name}`, 'utf8').trim();

test.each([
  ['EMFILE', () => `RLIMIT_NOFILE = ${getLimit('nofile').soft}`],
  ['ENFILE', () => `fs.file-max = ${kernel('fs/file-max')}`],
  ['ENOMEM', () => `vm.overcommit_memory = ${kernel('vm/overcommit_memory')}`],
  ['EAGAIN', () => `kernel.pid_max = ${kernel('kernel/pid_max')}`],
  ['EAGAIN', () => `kernel.threads-max = ${kernel('kernel/threads-max')}`],
  ['ENOSPC', () => scratch.root],
  ['EDQUOT', () => scratch.root],
])('%s names the limit and its value', (code, expected) => {
  const found = describeLimit(code, scratch.root)!;
  expect(found.limit).toContain(expected());
  expect(found.limit).not.toMatch(/NaN|null|undefined/);
  expect(found.hint).not.toBe('');
});

test.each(['EACCES', 'ENOENT', 'ETXTBSY', 'EPERM', 'EIO', '', 'toString'])(
  '%s is no matter of limits',
  (code) => {
    expect(describeLimit(code, '/')).toBeNull();
  },
);

test('no space says how much there is', () => {
  expect(describeLimit('ENOSPC', scratch.root)?.limit).toMatch(/has \d+ bytes and \d+ inodes free$/);
  expect(describeLimit('ENOSPC', '/nonexistent')?.limit).toBe('no space: /nonexistent');
});

test('every limit on processes has a value that is above what is used', () => {
  const limits = processLimits();
  expect(limits.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['kernel.pid_max', 'kernel.threads-max']),
  );
  for (const { name, value, used } of limits) {
    expect(value, name).toBeGreaterThan(0);
    expect(used, name).toBeGreaterThan(0);
    expect(used, name).toBeLessThanOrEqual(value);
  }
});

describe('a failed call', () => {
  test('goes by one name where errno has two', () => {
    expect(new SystemCallError('fork', 11).code).toBe('EAGAIN');
    expect(new SystemCallError('fork', 95).code).toMatch(/^(ENOTSUP|EOPNOTSUPP)$/);
    expect(new SystemCallError('fork', 9999).code).toBe('errno 9999');
  });

  test('is told with the limit that it ran into', () => {
    const error = explainFailure('cannot start', new SystemCallError('posix_spawn', 11), scratch.root);
    expect(error).toMatchObject({ code: 'LIMIT_REACHED', exitCode: 5 });
    expect(error.message).toMatch(/^cannot start: no more processes: .*= \d+ \(\d+ used\)/);
  });

  test('of SQLite on a full disk is one for want of space', () => {
    // SQLITE_FULL, and SQLITE_IOERR_WRITE, which is none.
    const full = Object.assign(new Error('database or disk is full'), {
      code: 'ERR_SQLITE_ERROR',
      errcode: 13,
    });
    expect(explainFailure('cannot write', full, scratch.root)).toMatchObject({ code: 'LIMIT_REACHED' });
    const broken = Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 778 });
    expect(explainFailure('cannot write', broken, scratch.root)).toMatchObject({
      code: 'STATE_UNUSABLE',
      message: 'cannot write: disk I/O error (write)',
      hint: expect.stringContaining('dmesg'),
    });
  });
});
