import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

type Versions = Record<string, string>;

interface Package {
  version?: string;
  integrity?: string;
  os?: string[];
  dependencies?: Versions;
  devDependencies?: Versions;
  optionalDependencies?: Versions;
  peerDependencies?: Versions;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

const read = <T>(file: string): T =>
  JSON.parse(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')) as T;
const lock = read<{ packages: Record<string, Package> }>('package-lock.json').packages;
const manifest = read<Package>('package.json');

/** What a package needs of others, whatever the platform: `npm ci` looks for all of it in the lockfile. */
function needsOf({ dependencies, devDependencies, optionalDependencies, ...peer }: Package): string[] {
  const peers = Object.keys(peer.peerDependencies ?? {}).filter(
    (name) => !peer.peerDependenciesMeta?.[name]?.optional,
  );
  return [...Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }), ...peers];
}

/** The packages that are needed and not in the lockfile: `whose needs whom`. */
function lackingIn(packages: Record<string, Package>): string[] {
  return Object.entries(packages).flatMap(([path, found]) =>
    needsOf(found)
      .filter((name) => !placesFor(path, name).some((place) => place in packages))
      .map((name) => `${path || 'the package'} needs ${name}`),
  );
}

/** Where Node looks for a package from another one: below that one, then below each directory above it. */
function placesFor(path: string, name: string): string[] {
  const parts = path === '' ? [] : path.split('/node_modules/');
  const above = parts.map((_part, i) => parts.slice(0, parts.length - i).join('/node_modules/'));
  return [...above.map((place) => `${place}/node_modules/${name}`), `node_modules/${name}`];
}

test('the lockfile has all packages of all platforms: npm ci refuses it otherwise', () => {
  expect(lackingIn(lock)).toEqual([]);
  // An install with other files present than npm would choose writes a lockfile without what was not installed.
  const ofOthers = Object.values(lock).filter(({ os }) => os && !os.includes('linux'));
  expect(ofOthers.length).toBeGreaterThan(0);
  const unproved = Object.entries(lock).filter(
    ([path, { version, integrity }]) => path && !(version && integrity),
  );
  expect(unproved).toEqual([]);
});

test('the lockfile is in step with package.json', () => {
  const { dependencies, devDependencies, optionalDependencies } = lock['']!;
  expect({ dependencies, devDependencies, optionalDependencies }).toEqual({
    dependencies: manifest.dependencies,
    devDependencies: manifest.devDependencies,
    optionalDependencies: manifest.optionalDependencies,
  });
});

test('a lockfile that lost a platform, or a package below another one, is noticed', () => {
  const platform = Object.keys(lock).find((path) => lock[path]!.os?.includes('darwin'))!;
  const { [platform]: _, ...without } = lock;
  const name = platform.slice(platform.lastIndexOf('node_modules/') + 'node_modules/'.length);
  expect(lackingIn(without).join('\n')).toContain(`needs ${name}`);
  const nested = { 'node_modules/a': { dependencies: { b: '1' } }, 'node_modules/a/node_modules/b': {} };
  expect(lackingIn(nested)).toEqual([]);
  const { 'node_modules/a': a } = nested;
  expect(lackingIn({ 'node_modules/a': a })).toEqual(['node_modules/a needs b']);
});
