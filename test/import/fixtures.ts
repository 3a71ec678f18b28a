import { globSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Imported } from '../../src/import/draft.ts';
import type { SourceFile, World } from '../../src/import/input.ts';
import type { Kind } from '../../src/import/kind.ts';
import { evaluatedEcosystem, readEcosystem } from '../../src/import/pm2/document.ts';
import { importEcosystem } from '../../src/import/pm2/import.ts';
import { importProcfile } from '../../src/import/procfile/import.ts';
import { importSupervisord, includesOf } from '../../src/import/supervisord/import.ts';
import { importUnit } from '../../src/import/systemd/import.ts';

const ROOT = new URL('fixtures/', import.meta.url).pathname;

/** The host that configurations are imported on. */
export const WORLD: World = {
  directory: '/etc/imported',
  hostName: 'edge-1.example.org',
  env: { API_PORT: '8080', HOME: '/root' },
  processors: 4,
};

/** Every configuration that is imported: ten of each kind. */
export const FIXTURES: readonly { kind: Kind; file: string }[] = [
  ...fixtures('supervisord', '*.conf'),
  ...fixtures('pm2', '*.{js,cjs,mjs,json,yml}'),
  ...fixtures('systemd', '*.service'),
  ...fixtures('procfile', '*.Procfile'),
];

/** Imports a fixture as fleetctl does, but on an imaginary host. */
export async function importFixture({ kind, file }: { kind: Kind; file: string }): Promise<Imported> {
  const path = `${ROOT}${kind}/${file}`;
  const source: SourceFile = { file, text: readFileSync(path, 'utf8') };
  switch (kind) {
    case 'supervisord': {
      const patterns = includesOf(source, WORLD).map(({ pattern }) => pattern);
      const included = patterns.flatMap((pattern) => globSync(pattern, { cwd: dirname(path) }).sort());
      const others = included.map((name) => ({
        file: name,
        text: readFileSync(`${dirname(path)}/${name}`, 'utf8'),
      }));
      return importSupervisord([source, ...others], WORLD);
    }
    case 'systemd':
      return importUnit(source, WORLD, { instances: instancesOf(file), dropIns: [] });
    case 'procfile':
      return importProcfile(source, WORLD, null);
    case 'pm2':
      return importEcosystem(await ecosystem(source, path), WORLD, null);
  }
}

async function ecosystem(source: SourceFile, path: string) {
  if (!/js$/.test(path)) return readEcosystem(source);
  const { default: value } = (await import(path)) as { default: unknown };
  return evaluatedEcosystem(source, value, []);
}

function instancesOf(file: string): string[] {
  const prefix = basename(file, '.service');
  if (!prefix.endsWith('@')) return [];
  const links = globSync(`*.wants/${prefix}*.service`, { cwd: `${ROOT}systemd` });
  return links.map((link) => basename(link, '.service').slice(prefix.length)).sort();
}

function fixtures(kind: Kind, pattern: string): { kind: Kind; file: string }[] {
  return globSync(pattern, { cwd: `${ROOT}${kind}` })
    .sort()
    .map((file) => ({ kind, file }));
}
