import { type CommandEntry, SEVERAL, SLOTS } from './entry.ts';

/** Commands that show what runs and what happened. */
export const REPORTS = [
  {
    name: 'status',
    summary: 'show the fleets at a glance',
    arguments: [],
    options: [
      { flags: '-a, --all', help: 'Show every fleet, however many there are.' },
      {
        flags: '--full',
        help: 'With --json: also labels, memory per release, pressure and other keys that may change between versions.',
      },
      ...SEVERAL,
    ],
    examples: ['fleetctl status', 'fleetctl status --json', 'fleetctl status -l team=edge'],
  },
  {
    name: 'ps',
    summary: 'show one line per agent',
    arguments: [],
    options: [
      SLOTS,
      {
        flags: '--sort <KEY>',
        help: 'Sort by slot (the default), rss, restarts or up; the largest first.',
      },
      { flags: '--limit <N>', help: 'Only the first N lines.' },
      {
        flags: '--usage',
        help: 'Also show processor time, threads and open files; for at most 256 agents.',
      },
      ...SEVERAL,
    ],
    examples: ['fleetctl ps --fleet web', 'fleetctl ps --sort rss --limit 20'],
  },
  {
    name: 'top',
    summary: 'show a live screen: fleets, memory and its trend, the agents that use most',
    arguments: [],
    options: SEVERAL,
    examples: ['fleetctl top', 'fleetctl top --fleet web'],
  },
  {
    name: 'events',
    summary: 'show what happened, and why',
    arguments: [],
    options: [
      { flags: '-f, --follow', help: 'Keep printing new events.' },
      { flags: '--limit <N>', help: 'The last N events (default: 100).' },
      ...SEVERAL,
    ],
    examples: ['fleetctl events -f'],
  },
  {
    name: 'logs',
    summary: 'show the output of agents',
    arguments: [{ notation: '[SLOT]', help: 'The slot of one agent.' }],
    options: [
      {
        flags: '--all',
        help: 'All slots: each line begins with its slot, and with ! instead of | if it is of stderr.',
      },
      SLOTS,
      { flags: '-f, --follow', help: 'Keep printing new output.' },
      {
        flags: '--lines <N>',
        help: 'The last N lines of each log (default: 100, of many slots 10, with --since or --grep all).',
      },
      {
        flags: '--since <D>',
        help: 'Only what was written in the last D, e.g. 15m, as far as that is known.',
      },
      { flags: '--grep <RE>', help: 'Only lines that match this regular expression (of JavaScript).' },
    ],
    examples: [
      'fleetctl logs 17 -f',
      'fleetctl logs --all -f',
      "fleetctl logs --slots 0-99 --since 1h --grep '(?i:error)'",
    ],
  },
  {
    name: 'metrics',
    summary: 'print the metrics for Prometheus, or serve them at a loopback port',
    arguments: [],
    options: [
      { flags: '--each', help: 'Include a series per agent.' },
      { flags: '--port <N>', help: 'Serve them at 127.0.0.1:N from now on, at /metrics.' },
      { flags: '--off', help: 'Stop serving them at a port.' },
    ],
    examples: ['fleetctl metrics', 'fleetctl metrics --port 9464'],
  },
  {
    name: 'dashboard',
    summary: 'serve a live web page at a loopback port, and print its URL',
    arguments: [],
    options: [
      { flags: '--port <N>', help: 'Serve it at 127.0.0.1:N from now on (default: 9955).' },
      { flags: '--off', help: 'Stop serving it and revoke its token.' },
    ],
    examples: ['fleetctl dashboard', 'fleetctl dashboard --port 8080', 'ssh -L 9955:127.0.0.1:9955 HOST'],
  },
] as const satisfies readonly CommandEntry[];
