import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { readCopy, writeCopy } from '../../src/store/copy.ts';
import { type MemoryReading, packReading, unpackReading } from '../../src/store/packing.ts';
import { RunStore } from '../../src/store/runs.ts';
import { fuzz, RUNS, SEED, TIMEOUT_MS, withDirectory } from './fuzz.ts';

const PASS: MemoryReading = {
  at: 1_700_000_000_000,
  slots: Uint32Array.from([0, 1, 7]),
  rssBytes: Float64Array.from([2 ** 20, 2 ** 21, 2 ** 22]),
  startedMs: Float64Array.from([1, 2, 3]),
  release: Uint16Array.from([0, 0, 1]),
  releases: ['6db00b9a4d63', '0a1b2c3d4e5f'],
  connections: Uint32Array.from([1, 2, 3]),
  connectionsTotal: 6,
  pssBytes: 2 ** 22,
};
const EXIT = '{"code":null,"signal":"SIGKILL","reason":"killed by SIGKILL","at":"2026-01-02T03:04:05.678Z"}';
const GIVEN_UP = '{"reason":"three starts failed","generation":4}';

describe(`${RUNS} damaged rows each, seed ${SEED}`, () => {
  test('a slot’s past is whole, or forgotten', { timeout: TIMEOUT_MS }, () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'run.db');
      const store = new RunStore(path, 'boot');
      const slot = {
        slot: 0,
        process: null,
        givenUp: null,
        readyAt: null,
        restarts: 0,
        failures: 0,
        attempts: [],
        lastExit: null,
      };
      store.set('web', 0, slot);
      store.flush();
      const db = new DatabaseSync(path);
      const update = db.prepare('UPDATE runs SET last_exit = ?1, given_up = ?1');
      await fuzz([EXIT, GIVEN_UP, 'null', '[]', '{}'], (input) => {
        update.run(input.toString('utf8'));
        const { lastExit, givenUp } = store.load('web')[0]!;
        for (const past of [lastExit, givenUp]) expect(typeof (past?.reason ?? '')).toBe('string');
        expect(typeof (lastExit?.at ?? '')).toBe('string');
        expect(typeof (givenUp?.generation ?? 0)).toBe('number');
      });
      db.close();
      store.close();
    }),
  );

  test('the columns of a sample are of one length, or it is refused', { timeout: TIMEOUT_MS }, async () => {
    const { header, columns } = packReading(PASS);
    const judge = (stored: { header: string; columns: Uint8Array }) => {
      let pass: MemoryReading;
      try {
        pass = unpackReading(stored);
      } catch {
        return; // The store leaves such a sample out.
      }
      const { slots, rssBytes, startedMs, release, connections } = pass;
      const lengths = [slots, rssBytes, startedMs, release, connections ?? slots].map(({ length }) => length);
      expect(new Set(lengths).size).toBe(1);
    };
    await fuzz([Buffer.from(columns)], (input) => judge({ header, columns: input }));
    await fuzz([header, header.replace('"count":3', '"count":2')], (input) =>
      judge({ header: input.toString('utf8'), columns }),
    );
  });

  test('a copy of the wanted state is what was written, or damaged', { timeout: TIMEOUT_MS }, () =>
    withDirectory(async (directory) => {
      const path = join(directory, 'wanted.json');
      const written = { seq: 7, fleets: [], settings: { metricsPort: 9464 } };
      writeCopy(path, written);
      const sound = readFileSync(path);
      await fuzz([sound], (input) => {
        writeFileSync(path, input);
        const { copy, damage } = readCopy(path);
        if (copy === null) expect(damage).toMatch(/does not match its checksum/);
        else expect(copy).toEqual(written);
      });
    }),
  );
});
