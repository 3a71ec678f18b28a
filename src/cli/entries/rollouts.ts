import { type CommandEntry, DRY_RUN, SEVERAL, specFiles, TIMEOUT } from './entry.ts';

/** Commands about releases and the rollouts between them. */
export const ROLLOUTS = [
  {
    name: 'releases',
    summary: 'list the releases kept, and how many agents run each',
    arguments: [],
    options: SEVERAL,
    examples: ['fleetctl releases'],
  },
  {
    name: 'rolling-update',
    summary: 'replace the agents batch by batch with a new release; roll back if it is worse',
    arguments: [],
    options: [
      specFiles("The spec of the new release (default: the fleet's spec, with its binary read again)."),
      {
        flags: '--binary <PATH>',
        help: 'Run this executable instead of the one in the spec.',
        completes: 'file',
      },
      { flags: '--label <NAME>', help: 'A name for the release.' },
      { flags: '--batch <N|N%>', help: 'Agents per batch (default: update.batch of the spec).' },
      { flags: '--wait <D>', help: 'How long each batch is observed (default: update.wait).' },
      {
        flags: '--canary <N>',
        help: 'Agents in a first batch of their own (default: update.canary).',
      },
      {
        flags: '--max-failed <N|N%>',
        help: 'The number of failed agents that is tolerated (default: update.maxFailed).',
      },
      { flags: '--no-rollback', help: 'Hold the fleet instead of rolling back.' },
      DRY_RUN,
      TIMEOUT,
      ...SEVERAL,
    ],
    examples: [
      'fleetctl rolling-update -f fleet.yaml --canary 5',
      'fleetctl rolling-update --binary ./pilot-2.0 --batch 10% --wait 2m',
    ],
  },
  {
    name: 'rollout',
    summary: 'show, pause, resume or abort the rollout under way; abort rolls back',
    arguments: [
      {
        notation: '<ACTION>',
        help: 'What to do.',
        choices: ['status', 'pause', 'resume', 'abort'],
      },
    ],
    options: [TIMEOUT, ...SEVERAL],
    examples: ['fleetctl rollout status', 'fleetctl rollout abort'],
  },
  {
    name: 'rollback',
    summary: 'return every agent to an earlier release',
    arguments: [],
    options: [
      {
        flags: '--to <RELEASE>',
        help: 'A release or its label (default: the newest earlier release).',
      },
      TIMEOUT,
      ...SEVERAL,
    ],
    examples: ['fleetctl rollback', 'fleetctl rollback --to 3f2a9c'],
  },
] as const satisfies readonly CommandEntry[];
