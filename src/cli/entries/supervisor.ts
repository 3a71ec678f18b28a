import type { CommandEntry } from './entry.ts';

/** Commands about the supervisor itself, and about the shell that commands it. */
export const SUPERVISOR = [
  {
    name: 'watchdog',
    summary:
      'check everything once, for cron: start the supervisor if it is down, replace it if it is stuck, report in one line',
    arguments: [],
    options: [],
    examples: ['fleetctl watchdog', '* * * * * out=$(fleetctl watchdog) || echo "$out"'],
  },
  {
    name: 'maintenance',
    summary: 'silence alarms; watchdog and metrics report that they are silenced',
    arguments: [{ notation: '<STATE>', help: 'Whether alarms are silenced.', choices: ['on', 'off'] }],
    options: [{ flags: '--for <D>', help: 'For this time, e.g. 1h (default: until off).' }],
    examples: ['fleetctl maintenance on --for 1h', 'fleetctl maintenance off'],
  },
  {
    name: 'shutdown',
    summary: 'stop the supervisor; the agents keep running',
    arguments: [],
    options: [
      { flags: '--with-agents', help: 'Stop all agents first; as PID 1 of a container, it always does.' },
    ],
    examples: ['fleetctl shutdown'],
  },
  {
    name: 'completion',
    summary: 'print the completion script of a shell',
    arguments: [{ notation: '<SHELL>', help: 'The shell.', choices: ['bash', 'zsh', 'fish'] }],
    options: [],
    examples: ['fleetctl completion bash > ~/.local/share/bash-completion/completions/fleetctl'],
  },
] as const satisfies readonly CommandEntry[];
