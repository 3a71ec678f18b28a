import { expect, test } from 'vitest';
import { readReleaseSecrets, readSlotSecrets } from '../../src/daemon/fleet/env-file.ts';
import type { ReadsOthers } from '../../src/host/host.ts';
import { ReadProblem } from '../../src/host/sys/read-problem.ts';

const VALUES = {
  slot: 7,
  port: 20_007,
  ports: {},
  labels: {},
  address: null,
  socket: '/run/fleetd/web/7.sock',
  dir: '/var/lib/fleetd/fleets/web/7',
  fleet: 'web',
  release: '0123456789ab',
};

/** Reads from these files, and notes which. */
function readerOf(files: Record<string, string>): { reader: ReadsOthers; asked: string[] } {
  const asked: string[] = [];
  const ask = ({ path }: { path: string }) => {
    asked.push(path);
    const text = files[path];
    if (text === undefined) return Promise.reject(new ReadProblem('ENOENT', `${path} does not exist`));
    return Promise.resolve(Buffer.from(text));
  };
  return { reader: { ask } as unknown as ReadsOthers, asked };
}

const place = (envFile: string | null) => ({ envFile, baseDir: '/srv' });

test('a file that is the same for all slots is part of the release, and of no start', async () => {
  const { reader, asked } = readerOf({ '/srv/{a}.env': 'A=1' });
  expect(await readReleaseSecrets(place('{{a}}.env'), reader)).toEqual({ A: '1' });
  expect(await readSlotSecrets(place('{{a}}.env'), VALUES, reader)).toEqual({});
  expect(asked).toEqual(['/srv/{a}.env']);
});

test('a file of one slot is read at its start, and not for the release', async () => {
  const { reader, asked } = readerOf({ '/etc/fleet/web-7.env': 'A="of 7"', '/srv/20007': 'B=1' });
  expect(await readReleaseSecrets(place('/etc/fleet/{fleet}-{slot}.env'), reader)).toEqual({});
  expect(await readSlotSecrets(place('/etc/fleet/{fleet}-{slot}.env'), VALUES, reader)).toEqual({
    A: 'of 7',
  });
  expect(await readSlotSecrets(place('{port}'), VALUES, reader)).toEqual({ B: '1' });
  expect(asked).toEqual(['/etc/fleet/web-7.env', '/srv/20007']);
});

test('without envFile nothing is read', async () => {
  const { reader, asked } = readerOf({});
  expect(await readReleaseSecrets(place(null), reader)).toEqual({});
  expect(await readSlotSecrets(place(null), VALUES, reader)).toEqual({});
  expect(asked).toEqual([]);
});

test('a file that cannot be read, or is none, is refused with the reason, and without a value', async () => {
  const { reader } = readerOf({ '/srv/7': 'A=1\nB="secret' });
  const refused = (envFile: string) => expect(readSlotSecrets(place(envFile), VALUES, reader)).rejects;
  await refused('{slot}').toMatchObject({
    code: 'SPEC_INVALID',
    message: 'envFile: line 2 of /srv/7 opens a quotation (") that is not closed',
  });
  await refused('{release}').toMatchObject({
    code: 'SPEC_INVALID',
    message: 'envFile: /srv/0123456789ab does not exist',
  });
});
