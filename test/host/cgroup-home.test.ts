import { describe, expect, test } from 'vitest';
import { FleetError } from '../../src/errors/fleet-error.ts';
import { HOME_VARIABLE, openHome, placeTree } from '../../src/host/cgroup/home.ts';

const MOUNT = '/sys/fs/cgroup';

describe('the agents’ tree stands', () => {
  test.each([
    [
      'as root at the top of the hierarchy, wherever the supervisor was started',
      { home: null, path: '/user.slice/user-0.slice/session-1.scope', isRoot: true },
      {
        mount: MOUNT,
        parent: MOUNT,
        root: `${MOUNT}/fleetd-id`,
        own: `${MOUNT}/fleetd-id/_supervisor`,
        origin: `${MOUNT}/user.slice/user-0.slice/session-1.scope`,
        units: [],
      },
    ],
    [
      'as another user below the supervisor’s own cgroup',
      { home: null, path: '/user.slice/me.service', isRoot: false },
      {
        mount: MOUNT,
        parent: `${MOUNT}/user.slice/me.service`,
        root: `${MOUNT}/user.slice/me.service/fleetd-id`,
        own: `${MOUNT}/user.slice/me.service/fleetd-id/_supervisor`,
        origin: `${MOUNT}/user.slice/me.service`,
        units: [],
      },
    ],
    [
      'below its named home, and the supervisor stays where it is',
      {
        home: '/fleetd.slice/fleetd-agents.service/',
        path: '/fleetd.slice/fleetd.service',
        isRoot: true,
      },
      {
        mount: MOUNT,
        parent: `${MOUNT}/fleetd.slice/fleetd-agents.service`,
        root: `${MOUNT}/fleetd.slice/fleetd-agents.service/fleetd-id`,
        own: `${MOUNT}/fleetd.slice/fleetd.service`,
        origin: null,
        units: ['fleetd.slice', 'fleetd-agents.service'],
      },
    ],
    [
      'at the top where that is what is named',
      { home: '/', path: '/fleetd.service', isRoot: false },
      {
        mount: MOUNT,
        parent: MOUNT,
        root: `${MOUNT}/fleetd-id`,
        own: `${MOUNT}/fleetd.service`,
        origin: null,
        units: [],
      },
    ],
  ])('%s', (_, { home, path, isRoot }, place) => {
    expect(placeTree('id', home, { mount: MOUNT, path, isRoot })).toEqual(place);
  });
});

test.each([
  ['relative', 'fleetd-agents.service'],
  ['upwards', '/a/../b'],
  ['anywhere, while the supervisor itself has no service of its own', '/fleetd-agents.service'],
])('a home that is named %s is refused, not passed over', (_, home) => {
  process.env[HOME_VARIABLE] = home;
  try {
    expect(() => openHome('test')).toThrow(FleetError);
    expect(() => openHome('test')).toThrow(`${HOME_VARIABLE}=${home} cannot be the agents' home`);
  } finally {
    delete process.env[HOME_VARIABLE];
  }
});
