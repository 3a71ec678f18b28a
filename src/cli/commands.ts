import type { Run } from './context.ts';

export interface OptionEntry {
  /** In commander's notation: `-f, --file <FILE>`. */
  flags: string;
  help: string;
  /** What the shell completes the option's value with. */
  completes?: 'file' | 'fleet';
  /** May be given several times. */
  repeat?: boolean;
}

export interface CommandEntry {
  name: string;
  summary: string;
  arguments: { notation: string; help: string; choices?: readonly string[] }[];
  options: readonly OptionEntry[];
  /** More options, from a module that only this command needs. */
  moreOptions?: () => Promise<readonly OptionEntry[]>;
  /** What may follow `--`, as the usage line shows it; absent: nothing. */
  afterDashes?: string;
  examples: readonly string[];
  load: () => Promise<{ run: Run }>;
}

/** The options of every command. */
export const COMMON_OPTIONS: readonly OptionEntry[] = [
  { flags: '--fleet <NAME>', help: 'The fleet; needed only where there are several.', completes: 'fleet' },
  { flags: '--json', help: 'JSON on stdout, and nothing else there.' },
];

const FORCE_HELP =
  'Apply what needs everything stopped first, such as changed ports; go on where a host limit is in the way.';
const TIMEOUT: OptionEntry = {
  flags: '--timeout <D>',
  help: 'Stop watching after so long, e.g. 90s (exit code 4); the work goes on.',
};
const SLOTS: OptionEntry = { flags: '--slots <SLOTS>', help: 'Just these slots, e.g. 10-19,25.' };

const AGENTS: OptionEntry = {
  flags: '--agents <N>',
  help: 'For so many agents; default: the target of the spec or of the fleets.',
};

/** All commands, in the order of --help. Commander and the shell completions are built from this. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'init',
    summary: 'write a commented fleet.yaml',
    arguments: [],
    options: [
      { flags: '-f, --file <FILE>', help: 'The file to write (default: fleet.yaml).', completes: 'file' },
      { flags: '--force', help: 'Overwrite the file.' },
    ],
    examples: ['fleetctl init'],
    load: () => import('./commands/init.ts'),
  },
  {
    name: 'spawn',
    summary: 'set the target of a fleet and wait until it is ready; registers or updates the fleet',
    arguments: [{ notation: '[TARGET]', help: 'How many agents; default: the target of the spec.' }],
    options: [
      {
        flags: '-f, --file <FILE>',
        help: 'The spec; default: ./fleet.yaml for a new fleet.',
        completes: 'file',
      },
      { flags: '--force', help: FORCE_HELP },
      TIMEOUT,
      { flags: '--no-autostart', help: 'Do not start a supervisor where none answers.' },
    ],
    moreOptions: async () => (await import('../specification/flags.ts')).SPEC_FLAGS,
    afterDashes: '[-- COMMAND…]',
    examples: [
      'fleetctl spawn 1000 -f fleet.yaml',
      'fleetctl spawn 50 --port-base 10000 -- redis-server --port {port}',
    ],
    load: () => import('./commands/spawn.ts'),
  },
  {
    name: 'kill',
    summary: 'lower the target, or remove slots, and wait until the processes are gone',
    arguments: [{ notation: '[COUNT]', help: 'How many agents, highest slots first.' }],
    options: [SLOTS, { flags: '--all', help: 'All agents: target 0.' }, TIMEOUT],
    examples: ['fleetctl kill 100', 'fleetctl kill --slots 10-19,25', 'fleetctl kill --all'],
    load: () => import('./commands/kill.ts'),
  },
  {
    name: 'restart',
    summary: 'restart agents in rounds, on the same release',
    arguments: [],
    options: [SLOTS, { flags: '--latest', help: 'On the newest release.' }, TIMEOUT],
    examples: ['fleetctl restart --latest', 'fleetctl restart --slots 7'],
    load: () => import('./commands/restart.ts'),
  },
  {
    name: 'releases',
    summary: 'the releases kept, and how many agents run each',
    arguments: [],
    options: [],
    examples: ['fleetctl releases'],
    load: () => import('./commands/releases.ts'),
  },
  {
    name: 'rolling-update',
    summary: 'replace the agents batch by batch by a new release; go back where it is worse',
    arguments: [],
    options: [
      {
        flags: '-f, --file <FILE>',
        help: 'The spec of the new release; default: that of the fleet, with its binary read anew.',
        completes: 'file',
      },
      { flags: '--binary <PATH>', help: 'Run this executable instead of the spec’s.', completes: 'file' },
      { flags: '--label <NAME>', help: 'A name for the release.' },
      { flags: '--batch <N|N%>', help: 'Agents replaced together; default: update.batch of the spec.' },
      { flags: '--wait <D>', help: 'How long each batch is observed; default: update.wait.' },
      { flags: '--canary <N>', help: 'Agents replaced first, alone; default: update.canary.' },
      { flags: '--max-failed <N|N%>', help: 'More failed agents end it; default: update.maxFailed.' },
      { flags: '--no-rollback', help: 'Hold the fleet instead of going back.' },
      TIMEOUT,
    ],
    examples: [
      'fleetctl rolling-update -f fleet.yaml --canary 5',
      'fleetctl rolling-update --binary ./pilot-2.0 --batch 10% --wait 2m',
    ],
    load: () => import('./commands/rolling-update.ts'),
  },
  {
    name: 'rollout',
    summary: 'a rolling update under way: show it, pause it, let it go on, go back',
    arguments: [
      {
        notation: '<ACTION>',
        help: 'Status, pause, resume or abort.',
        choices: ['status', 'pause', 'resume', 'abort'],
      },
    ],
    options: [TIMEOUT],
    examples: ['fleetctl rollout status', 'fleetctl rollout abort'],
    load: () => import('./commands/rollout.ts'),
  },
  {
    name: 'rollback',
    summary: 'bring every agent back to an earlier release',
    arguments: [],
    options: [
      { flags: '--to <RELEASE>', help: 'A release or its label; default: the newest earlier one.' },
      TIMEOUT,
    ],
    examples: ['fleetctl rollback', 'fleetctl rollback --to 3f2a9c'],
    load: () => import('./commands/rollback.ts'),
  },
  {
    name: 'status',
    summary: 'the fleets at a glance',
    arguments: [],
    options: [
      {
        flags: '--full',
        help: 'With --json: memory by release, pressure and more, beside what is promised.',
      },
    ],
    examples: ['fleetctl status', 'fleetctl status --json'],
    load: () => import('./commands/status.ts'),
  },
  {
    name: 'ps',
    summary: 'one line an agent',
    arguments: [],
    options: [
      SLOTS,
      { flags: '--sort <KEY>', help: 'By slot (the default), rss, restarts or up; the largest first.' },
      { flags: '--limit <N>', help: 'The first N lines.' },
      { flags: '--usage', help: 'Processor time, threads and open files too, of at most 256 agents.' },
    ],
    examples: ['fleetctl ps --fleet web', 'fleetctl ps --sort rss --limit 20'],
    load: () => import('./commands/ps.ts'),
  },
  {
    name: 'top',
    summary: 'a live screen: fleets, memory and its trend, the agents that use most',
    arguments: [],
    options: [],
    examples: ['fleetctl top', 'fleetctl top --fleet web'],
    load: () => import('./commands/top.ts'),
  },
  {
    name: 'events',
    summary: 'what happened, and why',
    arguments: [],
    options: [
      { flags: '-f, --follow', help: 'Go on with what happens next.' },
      { flags: '--limit <N>', help: 'The last N events (default: 100).' },
    ],
    examples: ['fleetctl events -f'],
    load: () => import('./commands/events.ts'),
  },
  {
    name: 'logs',
    summary: 'the output of an agent',
    arguments: [{ notation: '<SLOT>', help: 'The slot of the agent.' }],
    options: [
      { flags: '-f, --follow', help: 'Go on with what it writes next.' },
      { flags: '--lines <N>', help: 'The last N lines (default: 100).' },
    ],
    examples: ['fleetctl logs 17 -f'],
    load: () => import('./commands/logs.ts'),
  },
  {
    name: 'hold',
    summary: 'hold a fleet: nothing starts or restarts by itself',
    arguments: [],
    options: [],
    examples: ['fleetctl hold'],
    load: () => import('./commands/hold.ts'),
  },
  {
    name: 'resume',
    summary: 'let a held fleet go on',
    arguments: [],
    options: [],
    examples: ['fleetctl resume'],
    load: () => import('./commands/resume.ts'),
  },
  {
    name: 'metrics',
    summary: 'print what Prometheus is told, or serve it at a loopback port',
    arguments: [],
    options: [
      { flags: '--each', help: 'A series for each agent too.' },
      { flags: '--port <N>', help: 'Serve at 127.0.0.1:N from now on, at /metrics.' },
      { flags: '--off', help: 'Serve at no port any more.' },
    ],
    examples: ['fleetctl metrics', 'fleetctl metrics --port 9464'],
    load: () => import('./commands/metrics.ts'),
  },
  {
    name: 'dashboard',
    summary: 'serve a live web page at a loopback port, and print its URL',
    arguments: [],
    options: [
      { flags: '--port <N>', help: 'Serve at 127.0.0.1:N from now on (default: 9955).' },
      { flags: '--off', help: 'Serve it no more; its token is void.' },
    ],
    examples: ['fleetctl dashboard', 'fleetctl dashboard --port 8080', 'ssh -L 9955:127.0.0.1:9955 HOST'],
    load: () => import('./commands/dashboard.ts'),
  },
  {
    name: 'maintenance',
    summary: 'let alarms rest: watchdog and metrics say so, and raise none',
    arguments: [{ notation: '<STATE>', help: 'On or off.', choices: ['on', 'off'] }],
    options: [{ flags: '--for <D>', help: 'Until so long from now, e.g. 1h; default: until off.' }],
    examples: ['fleetctl maintenance on --for 1h', 'fleetctl maintenance off'],
    load: () => import('./commands/maintenance.ts'),
  },
  {
    name: 'strays',
    summary: 'processes that look like a fleet’s agents but belong to no slot',
    arguments: [{ notation: '[PID...]', help: 'With --adopt or --kill: just these; default: all.' }],
    options: [
      {
        flags: '--adopt',
        help: 'Take each into the slot whose port it holds, or the lowest free one, where it runs as that slot’s user; raises the target as needed.',
      },
      { flags: '--kill', help: 'End each: stop signal, grace, SIGKILL.' },
    ],
    examples: ['fleetctl strays', 'fleetctl strays --adopt', 'fleetctl strays --kill 4711'],
    load: () => import('./commands/strays.ts'),
  },
  {
    name: 'doctor',
    summary: 'every limit of this host against what the agents need, with the fix; changes nothing',
    arguments: [],
    options: [
      AGENTS,
      {
        flags: '-f, --file <FILE>',
        help: 'The spec; default: ./fleet.yaml, else the fleets known here.',
        completes: 'file',
      },
      { flags: '--cloud', help: 'Ask the metadata service too whether a start-up script spawns the fleet.' },
    ],
    examples: ['fleetctl doctor --agents 10000', 'fleetctl doctor -f fleet.yaml --cloud'],
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'plan',
    summary: 'how many agents fit this host, which limit binds first, and the arithmetic',
    arguments: [],
    options: [
      AGENTS,
      {
        flags: '-f, --file <FILE>',
        help: 'The spec; default: ./fleet.yaml, else the fleets known here.',
        completes: 'file',
      },
      {
        flags: '--cost <SUM/PERIOD>',
        help: 'What the host costs, e.g. 140/month, for the cost of an agent.',
      },
    ],
    examples: ['fleetctl plan -f fleet.yaml', 'fleetctl plan --agents 3000 --cost 140/month'],
    load: () => import('./commands/plan.ts'),
  },
  {
    name: 'install',
    summary: 'put the sysctl and systemd files in place, showing the difference first, and apply them',
    arguments: [],
    options: [
      AGENTS,
      {
        flags: '-f, --file <FILE>',
        help: 'The spec, for its ports, memory and target.',
        completes: 'file',
      },
      { flags: '--dry-run', help: 'Show the difference and change nothing.' },
      { flags: '--root <DIR>', help: 'Write below DIR, for an image, and apply nothing.', completes: 'file' },
    ],
    examples: ['fleetctl install --agents 3000 --dry-run', 'fleetctl install -f fleet.yaml'],
    load: () => import('./commands/install.ts'),
  },
  {
    name: 'uninstall',
    summary: 'take away what install wrote; a supervisor and agents that run, run on',
    arguments: [],
    options: [
      { flags: '--dry-run', help: 'Show what would go and change nothing.' },
      { flags: '--root <DIR>', help: 'Remove below DIR, and apply nothing.', completes: 'file' },
    ],
    examples: ['fleetctl uninstall --dry-run'],
    load: () => import('./commands/uninstall.ts'),
  },
  {
    name: 'watchdog',
    summary:
      'one pass for cron: start the supervisor if it is down, replace one that is stuck, judge everything in one line',
    arguments: [],
    options: [],
    examples: ['fleetctl watchdog', '* * * * * out=$(fleetctl watchdog) || echo "$out"'],
    load: () => import('./commands/watchdog.ts'),
  },
  {
    name: 'remove',
    summary: 'forget a fleet at target 0',
    arguments: [],
    options: [{ flags: '--purge', help: 'Delete its slots’ directories too.' }],
    examples: ['fleetctl remove --fleet web'],
    load: () => import('./commands/remove.ts'),
  },
  {
    name: 'shutdown',
    summary: 'stop the supervisor; the agents run on',
    arguments: [],
    options: [{ flags: '--with-agents', help: 'Stop all agents first.' }],
    examples: ['fleetctl shutdown'],
    load: () => import('./commands/shutdown.ts'),
  },
  {
    name: 'completion',
    summary: 'print the completion script of a shell',
    arguments: [{ notation: '<SHELL>', help: 'Bash, zsh or fish.', choices: ['bash', 'zsh', 'fish'] }],
    options: [],
    examples: ['fleetctl completion bash > ~/.local/share/bash-completion/completions/fleetctl'],
    load: () => import('./commands/completion.ts'),
  },
];
