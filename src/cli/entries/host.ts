import { AGENTS, type CommandEntry, SPEC_FILE, specFiles } from './entry.ts';

/** Commands about the host; they need neither a supervisor nor a fleet. */
export const HOST = [
  {
    name: 'doctor',
    summary:
      'compare every limit of this host with what the agents need, and show the fixes; changes nothing',
    arguments: [],
    options: [
      AGENTS,
      SPEC_FILE,
      {
        flags: '--cloud',
        help: 'Also ask the metadata service whether a start-up script spawns the fleet.',
      },
    ],
    examples: ['fleetctl doctor --agents 10000', 'fleetctl doctor -f fleet.yaml --cloud'],
  },
  {
    name: 'plan',
    summary: 'show how many agents fit this host, which limit binds first, and the arithmetic',
    arguments: [],
    options: [
      AGENTS,
      SPEC_FILE,
      {
        flags: '--cost <SUM/PERIOD>',
        help: 'What the host costs, e.g. 140/month; shows the cost per agent.',
      },
    ],
    examples: ['fleetctl plan -f fleet.yaml', 'fleetctl plan --agents 3000 --cost 140/month'],
  },
  {
    name: 'install',
    summary: 'install the sysctl and systemd files, showing the difference first, and apply them',
    arguments: [],
    options: [
      AGENTS,
      specFiles('A spec, or a directory of specs, for ports, memory and targets; repeatable.'),
      { flags: '--dry-run', help: 'Show the difference and change nothing.' },
      {
        flags: '--root <DIR>',
        help: 'Write the files under DIR, for an image, and apply nothing.',
        completes: 'file',
      },
    ],
    examples: ['fleetctl install --agents 3000 --dry-run', 'fleetctl install -f fleet.yaml'],
  },
  {
    name: 'uninstall',
    summary: 'remove what install wrote; a running supervisor and its agents keep running',
    arguments: [],
    options: [
      { flags: '--dry-run', help: 'Show what would be removed and change nothing.' },
      { flags: '--root <DIR>', help: 'Remove the files under DIR, and apply nothing.', completes: 'file' },
    ],
    examples: ['fleetctl uninstall --dry-run'],
  },
] as const satisfies readonly CommandEntry[];
