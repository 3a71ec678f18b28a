/** A line of a unit file, `Name=value`. */
export type UnitProperty = [name: string, value: string];

/** How a supervisor is started on demand. */
export type Way = 'installed-unit' | 'transient-unit' | 'user-unit' | 'process';

/** The facts that the choice depends on. */
export interface StartEnvironment {
  isRoot: boolean;
  /** systemd is PID 1, and a cgroup v2 hierarchy is mounted. */
  isBooted: boolean;
  /** The directories are those of the installed unit, and that unit exists. */
  isInstalled: boolean;
  /** This user's own manager runs, and continues without a session (loginctl enable-linger). */
  isLingering: boolean;
}

/**
 * Chooses how to start a supervisor so that it outlives the session that starts it: with KillUserProcesses=, logind ends
 * what is left in a session's scope. A user's manager without linger ends with the last session, so that a plain process
 * lives longer.
 */
export function chooseWay({ isRoot, isBooted, isInstalled, isLingering }: StartEnvironment): Way {
  if (!isBooted) return 'process';
  if (!isRoot) return isLingering ? 'user-unit' : 'process';
  return isInstalled ? 'installed-unit' : 'transient-unit';
}

/** The properties of the agents' home as a transient unit: those of systemd/fleetd-agents.service. */
export const HOME_PROPERTIES: readonly UnitProperty[] = [
  ['Slice', 'fleetd.slice'],
  ['Delegate', 'yes'],
  ['TasksMax', 'infinity'],
  ['OOMPolicy', 'continue'],
];

/** The properties of the supervisor as a transient unit: those of systemd/fleetd.service that fit any directories. */
export function supervisorProperties(
  isRoot: boolean,
  { output, nofile }: { output: string; nofile: number },
): UnitProperty[] {
  return [
    ['Restart', 'always'],
    ['RestartSec', '1s'],
    ['SuccessExitStatus', '100'],
    ['RestartPreventExitStatus', '100'],
    ['WatchdogSec', '30s'],
    ['WatchdogSignal', 'SIGKILL'],
    ['KillMode', 'mixed'],
    ['TasksMax', 'infinity'],
    ['OOMPolicy', 'continue'],
    ['StandardOutput', `append:${output}`],
    ['StandardError', `append:${output}`],
    // A user's manager cannot raise its own limits.
    ...(isRoot
      ? ([
          ['OOMScoreAdjust', '-900'],
          ['LimitNOFILE', Number.isFinite(nofile) ? String(nofile) : 'infinity'],
        ] satisfies UnitProperty[])
      : []),
  ];
}
