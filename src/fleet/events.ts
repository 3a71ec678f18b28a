/** What kinds of events there are, and what each says. */
export const EVENT_TYPES = {
  supervisor: 'the supervisor started, stopped, or found something about its own state',
  target: 'a command was accepted that changes what is wanted',
  start: 'agents were started',
  prepare: 'the prepare command of slots was run',
  ready: 'agents got ready',
  exit: 'agents ended',
  'start-failed': 'agents could not be started',
  unhealthy: 'a health check failed for the first time in a row',
  healthy: 'a health check passed again',
  stop: 'agents were sent their stop signal',
  kill: 'agents were still there after their grace and got SIGKILL',
  adopt: 'agents were found again after the supervisor was away, or strays were taken in',
  remnant: 'processes that belong to no agent any more were ended',
  hold: 'the fleet is held',
  resume: 'the fleet goes on',
  leak: 'memory grows, or does so no longer',
  rollout: 'a rolling update began, took a decision, or ended',
  verify: 'somebody else counts far fewer agents than run, or as many again',
  maintenance: 'alarms rest, or are on again',
  pace: 'how many agents may be starting has changed much (rounds.adaptive)',
  pressure: 'memory became short, or is available again',
  limit: 'a limit of the host is in the way',
} as const;

export type EventType = keyof typeof EVENT_TYPES;
