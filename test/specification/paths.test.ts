import { expect, test } from 'vitest';
import { checkSocketPath, defaultDirectories, pathsIn, portOf } from '../../src/specification/paths.ts';
import { refusal } from './refusal.ts';

const directories = (env: Record<string, string>, uid = 1000, existing: string[] = []) =>
  Object.values(defaultDirectories(env, uid, '/home/me', (directory) => existing.includes(directory)));

test.each([
  ['root', {}, 0, [], ['/var/lib/fleetd', '/run/fleetd']],
  ['root with a session', { XDG_RUNTIME_DIR: '/run/user/0' }, 0, [], ['/var/lib/fleetd', '/run/fleetd']],
  [
    'a user with a session',
    { XDG_RUNTIME_DIR: '/x' },
    1000,
    [],
    ['/home/me/.local/state/fleetd', '/x/fleetd'],
  ],
  ['a user of cron', {}, 1000, ['/run/user/1000'], ['/home/me/.local/state/fleetd', '/run/user/1000/fleetd']],
  [
    'a user without a session',
    {},
    1000,
    [],
    ['/home/me/.local/state/fleetd', '/home/me/.local/state/fleetd/run'],
  ],
  ['a state directory of one’s own', { FLEETD_STATE_DIR: '/s/' }, 1000, [], ['/s', '/s/run']],
  ['both', { FLEETD_STATE_DIR: '/s', FLEETD_RUNTIME_DIR: '/r' }, 0, [], ['/s', '/r']],
  [
    'empty variables',
    { FLEETD_STATE_DIR: '', XDG_RUNTIME_DIR: '' },
    0,
    [],
    ['/var/lib/fleetd', '/run/fleetd'],
  ],
])('finds the directories of %s', (_, env, uid, existing, expected) => {
  expect(directories(env as Record<string, string>, uid, existing)).toEqual(expected);
});

test('refuses a directory that depends on where the command runs', () => {
  expect(refusal(() => directories({ FLEETD_STATE_DIR: 'state' }))).toContain(
    'USAGE FLEETD_STATE_DIR must be an absolute path, found "state"',
  );
});

test('gives every slot its own paths and ports', () => {
  const paths = pathsIn('/s', '/r');
  expect(paths.slotDir('pilot', 3)).toBe('/s/fleets/pilot/3');
  expect(paths.log('pilot', 3)).toBe('/s/logs/pilot/3.log');
  expect(paths.agentSocket('pilot', 3)).toBe('/r/pilot/3/agent.sock');
  expect(paths.release('abc')).toBe('/s/releases/abc');
  expect([paths.database, paths.apiSocket]).toEqual(['/s/fleetd.db', '/r/fleetd.sock']);
  expect(portOf({ base: 100, same: false, perAgent: 2, names: null, protocol: 'tcp' }, 3)).toBe(106);
  expect(portOf({ base: 8000, same: true, perAgent: 1, names: null, protocol: 'tcp' }, 3)).toBe(8000);
  expect(portOf(null, 3)).toBeNull();
});

test('refuses a socket path that the kernel would not take, in bytes', () => {
  expect(() => checkSocketPath(`/${'x'.repeat(106)}`)).not.toThrow();
  expect(refusal(() => checkSocketPath(`/${'x'.repeat(107)}`))).toContain(
    'has 108 bytes; Linux allows at most 107',
  );
  expect(refusal(() => checkSocketPath(`/${'é'.repeat(54)}`))).toContain('has 109 bytes');
});
