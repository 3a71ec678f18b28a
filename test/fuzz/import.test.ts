import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { FleetError } from '../../src/errors/fleet-error.ts';
import { allUnsupported, type Imported } from '../../src/import/draft.ts';
import { fleetText } from '../../src/import/emit.ts';
import type { World } from '../../src/import/input.ts';
import { readEcosystem } from '../../src/import/pm2/document.ts';
import { importEcosystem } from '../../src/import/pm2/import.ts';
import { importProcfile } from '../../src/import/procfile/import.ts';
import { importSupervisord } from '../../src/import/supervisord/import.ts';
import { importUnit } from '../../src/import/systemd/import.ts';
import { parseSpec } from '../../src/specification/parse.ts';
import { fuzz, RUNS, SEED, TIMEOUT_MS } from './fuzz.ts';

const WORLD: World = { directory: '/etc/x', hostName: 'h', env: { HOME: '/root' }, processors: 2 };
const KINDS = {
  supervisord: { files: '*.conf', read: (text: string) => importSupervisord([{ file: 'f', text }], WORLD) },
  systemd: {
    files: '*.service',
    read: (text: string) =>
      importUnit({ file: 'f@.service', text }, WORLD, { instances: ['8000', '8001'], dropIns: [] }),
  },
  pm2: {
    files: '*.{json,yml}',
    read: (text: string) => importEcosystem(readEcosystem({ file: 'f', text }), WORLD, 'production'),
  },
  procfile: { files: '*.Procfile', read: (text: string) => importProcfile({ file: 'f', text }, WORLD, null) },
};

describe.each(Object.entries(KINDS))(`%s, ${RUNS} inputs, seed ${SEED}`, (kind, { files, read }) => {
  const directory = new URL(`../import/fixtures/${kind}/`, import.meta.url).pathname;
  const samples = globSync(files, { cwd: directory }).map((file) => readFileSync(directory + file));

  test(
    'a damaged file becomes fleet files that are accepted, or is refused in words',
    {
      timeout: TIMEOUT_MS,
    },
    () =>
      fuzz(samples, (input) => {
        const imported = attempt(() => read(input.toString('utf8')));
        if (imported === null) return;
        for (const { reason, line } of allUnsupported(imported)) {
          expect(reason).toMatch(/\S/);
          expect(line).toBeGreaterThan(0);
        }
        for (const fleet of imported.fleets) {
          expect(parse(fleetText(fleet, imported.unsupported))).toEqual(fleet.spec);
          parseSpec(fleet.spec);
        }
      }),
  );
});

function attempt(act: () => Imported): Imported | null {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    expect(error.code).toBe('IMPORT_INVALID');
    return null;
  }
}
