import type { CommandName } from './commands.ts';
import type { Run } from './context.ts';

/**
 * The code of each command, loaded only when the command runs: a short start matters more than one long list. It stands
 * apart from the table of commands, which completion reads in its turn.
 */
export const LOADERS: Readonly<Record<CommandName, () => Promise<{ run: Run }>>> = {
  init: () => import('./commands/init.ts'),
  validate: () => import('./commands/validate.ts'),
  import: () => import('./commands/import.ts'),
  spawn: () => import('./commands/spawn.ts'),
  kill: () => import('./commands/kill.ts'),
  restart: () => import('./commands/restart.ts'),
  reload: () => import('./commands/reload.ts'),
  signal: () => import('./commands/signal.ts'),
  hold: () => import('./commands/hold.ts'),
  resume: () => import('./commands/resume.ts'),
  strays: () => import('./commands/strays.ts'),
  remove: () => import('./commands/remove.ts'),
  releases: () => import('./commands/releases.ts'),
  'rolling-update': () => import('./commands/rolling-update.ts'),
  rollout: () => import('./commands/rollout.ts'),
  rollback: () => import('./commands/rollback.ts'),
  status: () => import('./commands/status.ts'),
  ps: () => import('./commands/ps.ts'),
  top: () => import('./commands/top.ts'),
  events: () => import('./commands/events.ts'),
  logs: () => import('./commands/logs.ts'),
  metrics: () => import('./commands/metrics.ts'),
  dashboard: () => import('./commands/dashboard.ts'),
  doctor: () => import('./commands/doctor.ts'),
  plan: () => import('./commands/plan.ts'),
  install: () => import('./commands/install.ts'),
  uninstall: () => import('./commands/uninstall.ts'),
  watchdog: () => import('./commands/watchdog.ts'),
  maintenance: () => import('./commands/maintenance.ts'),
  shutdown: () => import('./commands/shutdown.ts'),
  completion: () => import('./commands/completion.ts'),
};
