import { type CommandEntry, DRY_RUN, SEVERAL, SLOTS, specFiles, TIMEOUT } from './entry.ts';

/** Commands that change what is wanted of a fleet. */
export const FLEETS = [
  {
    name: 'init',
    summary: 'write a commented fleet.yaml',
    arguments: [],
    options: [
      specFiles('The file to write (default: fleet.yaml).'),
      { flags: '--force', help: 'Overwrite the file.' },
    ],
    examples: ['fleetctl init'],
  },
  {
    name: 'validate',
    summary:
      'check specs, without a supervisor; what only a host can tell (files, users, ports in use) is not checked',
    arguments: [],
    options: [
      specFiles(
        'A spec, a directory of specs, or - for the standard input; repeatable (default: ./fleet.yaml).',
      ),
    ],
    examples: ['fleetctl validate -f fleet.yaml', 'fleetctl validate -f fleets/ --json'],
  },
  {
    name: 'import',
    summary:
      'write fleet files for what supervisord, pm2, a systemd unit or a Procfile runs, and list what has no equivalent',
    arguments: [
      {
        notation: '<FILE>',
        help: 'supervisord.conf, an ecosystem file (JSON, YAML, JavaScript), NAME.service or NAME@.service, a Procfile.',
      },
    ],
    options: [
      {
        flags: '--from <KIND>',
        help: 'supervisord, pm2, systemd or procfile (default: by the name and content of FILE).',
      },
      {
        flags: '--out <DIR>',
        help: 'The directory to write NAME.yaml of each fleet into (default: the current one).',
        completes: 'file',
      },
      { flags: '--env <NAME>', help: 'For pm2: take over env_NAME as well, as pm2 start --env NAME does.' },
      { flags: '--force', help: 'Overwrite files.' },
      { flags: '--dry-run', help: 'Print the files, and write nothing.' },
    ],
    examples: [
      'fleetctl import /etc/supervisor/supervisord.conf --out fleets',
      'fleetctl import ecosystem.config.js --env production --dry-run',
      'fleetctl import /etc/systemd/system/cache@.service',
    ],
  },
  {
    name: 'spawn',
    summary: 'set the target of a fleet and wait until it is ready; registers or updates the fleet',
    arguments: [{ notation: '[TARGET]', help: 'The number of agents (default: the target of the spec).' }],
    options: [
      specFiles(
        'A spec, or a directory of specs; repeatable. Several specs are taken together: all or none (default: ./fleet.yaml for a new fleet).',
      ),
      DRY_RUN,
      {
        flags: '--force',
        help: 'Apply a change that stops every agent first, such as other ports; start despite a host limit.',
      },
      TIMEOUT,
      { flags: '--no-autostart', help: 'Do not start a supervisor if none answers.' },
    ],
    moreOptions: async () => (await import('../../specification/flags.ts')).SPEC_FLAGS,
    afterDashes: '[-- COMMAND…]',
    examples: [
      'fleetctl spawn 1000 -f fleet.yaml',
      'fleetctl spawn -f fleets/ --dry-run',
      'fleetctl spawn 50 --port-base 10000 -- redis-server --port {port}',
    ],
  },
  {
    name: 'kill',
    summary: 'lower the target, or remove slots, and wait until the processes are gone',
    arguments: [{ notation: '[COUNT]', help: 'The number of agents to remove, highest slots first.' }],
    options: [
      SLOTS,
      { flags: '--all', help: 'All agents: sets the target to 0.' },
      { flags: '--now', help: 'Without grace: SIGKILL, also to agents that are stopping already.' },
      { flags: '--purge', help: 'Delete the directories and logs of the slots.' },
      TIMEOUT,
      ...SEVERAL,
    ],
    examples: [
      'fleetctl kill 100',
      'fleetctl kill --slots 10-19,25',
      'fleetctl kill --all --now',
      'fleetctl kill --all -l team=edge',
    ],
  },
  {
    name: 'restart',
    summary: 'restart agents in rounds, on the same release',
    arguments: [],
    options: [SLOTS, { flags: '--latest', help: 'Use the newest release.' }, TIMEOUT, ...SEVERAL],
    examples: ['fleetctl restart --latest', 'fleetctl restart --slots 7'],
  },
  {
    name: 'reload',
    summary:
      'reload agents as `reload` of the spec says, in batches of rounds.parallel; each is verified by the ready check, and the first one with a failure ends it',
    arguments: [],
    options: [SLOTS, TIMEOUT, ...SEVERAL],
    examples: ['fleetctl reload', 'fleetctl reload --slots 0-9'],
  },
  {
    name: 'signal',
    summary: 'send a signal to the main processes; an exit that follows is one that nobody asked for',
    arguments: [{ notation: '<SIGNAL>', help: 'HUP, SIGUSR1, SIGRTMIN+3, 10 …' }],
    options: [
      SLOTS,
      { flags: '--all-processes', help: 'Every process of the slots, instead of the main processes.' },
      ...SEVERAL,
    ],
    examples: ['fleetctl signal USR1', 'fleetctl signal QUIT --slots 7 --all-processes'],
  },
  {
    name: 'hold',
    summary: 'hold a fleet: nothing starts or restarts automatically',
    arguments: [],
    options: SEVERAL,
    examples: ['fleetctl hold', 'fleetctl hold --all-fleets'],
  },
  {
    name: 'resume',
    summary: 'end the hold of a fleet',
    arguments: [],
    options: SEVERAL,
    examples: ['fleetctl resume'],
  },
  {
    name: 'strays',
    summary: "list processes that look like a fleet's agents but belong to no slot; adopt or kill them",
    arguments: [{ notation: '[PID...]', help: 'With --adopt or --kill: only these (default: all).' }],
    options: [
      {
        flags: '--adopt',
        help: "Move each into the slot whose port it holds, or into the lowest free slot, if it runs as that slot's user; raises the target as needed.",
      },
      { flags: '--kill', help: 'Stop each: stop signal, grace, SIGKILL.' },
      ...SEVERAL,
    ],
    examples: ['fleetctl strays', 'fleetctl strays --adopt', 'fleetctl strays --kill 4711'],
  },
  {
    name: 'remove',
    summary: 'forget a fleet at target 0',
    arguments: [],
    options: [
      {
        flags: '--purge',
        help: 'Delete the directories of its slots too, also of a fleet that was removed before.',
      },
      ...SEVERAL,
    ],
    examples: ['fleetctl remove --fleet web', 'fleetctl remove --fleet web --purge'],
  },
] as const satisfies readonly CommandEntry[];
