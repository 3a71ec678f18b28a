/** Environment variables that both programs heed. */
export const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['FLEETD_STATE_DIR', 'Durable state, and the directories of the agents.'],
  ['FLEETD_RUNTIME_DIR', 'The API socket, and the sockets of the agents.'],
  [
    'FLEETD_AGENTS_CGROUP',
    'Cgroup v2 path of a unit that the agents live in, apart from that of fleetd; the installed units set it.',
  ],
];

/** Where things are, unless the environment says otherwise. */
export const FILES: readonly (readonly [string, string])[] = [
  ['/var/lib/fleetd', 'Durable state of a supervisor that root runs.'],
  ['/run/fleetd', 'Its API socket, and the sockets of its agents.'],
  ['~/.local/state/fleetd', 'Durable state of any other user’s.'],
  [
    '$XDG_RUNTIME_DIR/fleetd',
    'The sockets of that; else /run/user/UID/fleetd, else run/ in its state directory.',
  ],
];
