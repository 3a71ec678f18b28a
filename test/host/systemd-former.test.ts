import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findFormerTree, homeOf } from '../../src/host/cgroup/former.ts';

const NAME = 'fleetd-0123456789ab';
const HOME = 'fleetd.slice/fleetd-agents.service';
const TRANSIENT = 'fleetd.slice/fleetd-agents-0123456789ab.service';
const OF_USER = 'user.slice/user-1000.slice/user@1000.service';

let mount: string;
beforeEach(() => {
  mount = mkdtempSync(join(tmpdir(), 'former-'));
});
afterEach(() => rmSync(mount, { recursive: true }));

function tree(home: string, populated: 0 | 1): string {
  const root = join(mount, home, NAME);
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'cgroup.events'), `populated ${populated}\nfrozen 0\n`);
  return root;
}

test('agents of a plain supervisor are found from the unit', () => {
  const former = tree('', 1);
  expect(findFormerTree(NAME, join(mount, HOME, NAME), mount, 0)).toBe(former);
});

test('agents of a unit are found from a plain supervisor, and from another unit', () => {
  const former = tree(HOME, 1);
  expect(findFormerTree(NAME, join(mount, NAME), mount, 0)).toBe(former);
  expect(findFormerTree(NAME, join(mount, TRANSIENT, NAME), mount, 0)).toBe(former);
  expect(homeOf(former, mount)).toBe(`/${HOME}`);
});

test('a tree without agents, the own tree and another supervisor’s are none', () => {
  tree('', 0);
  const own = tree(HOME, 1);
  mkdirSync(join(mount, TRANSIENT, 'fleetd-ffffffffffff'), { recursive: true });
  expect(findFormerTree(NAME, own, mount, 0)).toBeNull();
});

test('an ordinary user looks in his own manager alone', () => {
  tree(HOME, 1);
  expect(findFormerTree(NAME, join(mount, 'x', NAME), mount, 1000)).toBeNull();
  const former = tree(`${OF_USER}/${HOME}`, 1);
  expect(findFormerTree(NAME, join(mount, 'x', NAME), mount, 1000)).toBe(former);
});
