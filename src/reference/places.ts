/** Environment variables that both programs read. */
export const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['FLEETD_STATE_DIR', 'The durable state, and the directories of the agents.'],
  ['FLEETD_RUNTIME_DIR', 'The API socket, and the sockets of the agents.'],
  [
    'FLEETD_CONFIG_DIR',
    "Specs that fleetd applies at its start and on SIGHUP; only root's supervisor with the default state directory reads /etc/fleetd without it.",
  ],
  [
    'FLEETD_GROUP',
    'A group, by name or number, that may read: fleetd makes the socket fleetd-read.sock for it in the runtime directory.',
  ],
  [
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'The URL that fleetd sends traces and events to, by OTLP over HTTP; OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES apply as well.',
  ],
  [
    'FLEETD_AGENTS_CGROUP',
    'The cgroup v2 path of a unit that holds the agents, separate from that of fleetd; the installed units set it.',
  ],
];

/** The locations of files, unless the environment changes them. */
export const FILES: readonly (readonly [string, string])[] = [
  ['/etc/fleetd/*.yaml', "Specs that root's supervisor applies at its start and on SIGHUP."],
  ['/var/lib/fleetd', "The durable state of root's supervisor."],
  ['/run/fleetd', "The API socket of root's supervisor, and the sockets of its agents."],
  ['~/.local/state/fleetd', "The durable state of another user's supervisor."],
  [
    '$XDG_RUNTIME_DIR/fleetd',
    "The sockets of another user's supervisor; else /run/user/UID/fleetd, else run/ in its state directory.",
  ],
];
