/** The types of events, and what each reports. */
export const EVENT_TYPES = {
  supervisor: 'the supervisor started or stopped, or reports something about its own state',
  target: 'a command that changes what is wanted was accepted',
  start: 'agents were started',
  prepare: 'the prepare command of slots ran',
  ready: 'agents became ready',
  exit: 'agents exited',
  'start-failed': 'agents could not be started',
  unhealthy: 'a health check failed after the previous one had passed',
  healthy: 'a health check passed again',
  stop: 'agents received their stop signal',
  kill: 'agents were still running after their grace and received SIGKILL',
  adopt: 'agents were reattached after the supervisor was away, or strays were adopted',
  remnant: 'processes that no longer belong to an agent were ended',
  successor: 'another process of a slot became its main process (MAINPID=, pidFile), or was refused',
  completed: 'agents ended with success, and are not started again (restart.on)',
  hold: 'the fleet is held',
  resume: 'the hold of the fleet ended',
  leak: 'memory grows, or no longer does',
  rollout: 'a rollout started, made a decision, or ended',
  verify: 'the external count is far below the number of ready agents, or no longer is',
  maintenance: 'alarms were silenced, or are active again',
  pace: 'the number of agents that may be starting changed considerably (rounds.adaptive)',
  pressure: 'memory is short, or is available again',
  config: 'a file of the configuration directory was applied or refused, or is gone',
  output:
    'the log of agents was moved, deleted, emptied or overwritten while they write to it; says what was done',
  alert: 'a notice of `alerts` was sent, or its receiver cannot be reached',
  limit: 'a limit of the host blocks an action',
} as const;

export type EventType = keyof typeof EVENT_TYPES;
