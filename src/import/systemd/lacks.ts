import type { ServiceRules } from './service.ts';

const ORDER =
  'fleets start independently of each other and of units; what needs another service retries, by its restart';
const CONDITION =
  'nothing is checked before a start; start.before can do it, as a failing command delays the start';
const SANDBOX =
  'sandbox has readOnly, tmp and writable; what all agents can inherit stands in the unit of the supervisor';
const CGROUP = 'resources has memory, cpu and pids; other controllers are not set per agent';
const DIRECTORY =
  'each slot has a directory of its own, {dir}, made and owned for its user; make this one yourself';
const OUTPUT = 'each agent has a log of its own; fleetctl logs SLOT shows it';
const KILL = 'stop has signal, to, grace and command; the end is always SIGKILL to what is left';
const DOCUMENTATION = 'it has no effect on the service';

/** One reason for many directives. */
function all(names: string, reason: string): ServiceRules {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, reason]));
}

/** Directives of [Service] that have no equivalent, and why. Those that have one are in `rules.ts`. */
export const SERVICE_LACKS: ServiceRules = {
  ...all(
    `ProtectHome ProtectKernelTunables ProtectKernelModules ProtectKernelLogs ProtectControlGroups ProtectClock
    ProtectHostname ProtectProc ProcSubset PrivateDevices PrivateNetwork PrivateUsers PrivateMounts PrivateIPC PrivatePIDs
    RestrictAddressFamilies RestrictNamespaces RestrictRealtime RestrictSUIDSGID RestrictFileSystems LockPersonality
    MemoryDenyWriteExecute SystemCallFilter SystemCallArchitectures SystemCallErrorNumber SystemCallLog
    NoNewPrivileges SecureBits CapabilityBoundingSet RootDirectory RootImage BindPaths BindReadOnlyPaths
    ReadOnlyPaths InaccessiblePaths ExecPaths NoExecPaths TemporaryFileSystem MountFlags MountAPIVFS RemoveIPC
    IPAddressAllow IPAddressDeny IPAccounting SocketBindAllow SocketBindDeny RestrictNetworkInterfaces DeviceAllow
    DevicePolicy KeyringMode Personality AppArmorProfile SELinuxContext SmackProcessLabel NetworkNamespacePath
    DynamicUser PAMName ReadOnlyDirectories InaccessibleDirectories`,
    SANDBOX,
  ),
  DynamicUser: 'user takes a name, or { base: UID } for one user per slot',
  PAMName: 'no session is opened for an agent',
  ...all(
    `MemoryHigh MemoryMin MemorySwapMax MemoryZSwapMax CPUWeight StartupCPUWeight CPUShares CPUQuotaPeriodSec AllowedCPUs
    AllowedMemoryNodes IOWeight IODeviceWeight IOReadBandwidthMax IOWriteBandwidthMax IOReadIOPSMax IOWriteIOPSMax
    BlockIOWeight MemoryPressureWatch ManagedOOMSwap ManagedOOMMemoryPressure OOMPolicy`,
    CGROUP,
  ),
  ...all(
    'CPUAccounting MemoryAccounting TasksAccounting IOAccounting BlockIOAccounting',
    'every agent is accounted for; fleetctl top and ps show it',
  ),
  Slice: 'agents live in the tree of their supervisor',
  Delegate: 'an agent gets no cgroup tree of its own',
  ...all('RuntimeDirectory CacheDirectory LogsDirectory ConfigurationDirectory', DIRECTORY),
  ...all(
    `RuntimeDirectoryMode StateDirectoryMode CacheDirectoryMode LogsDirectoryMode ConfigurationDirectoryMode
    RuntimeDirectoryPreserve`,
    DIRECTORY,
  ),
  ...all(
    `SyslogIdentifier SyslogFacility SyslogLevel SyslogLevelPrefix LogLevelMax LogRateLimitIntervalSec LogRateLimitBurst
    LogNamespace LogExtraFields LogFilterPatterns`,
    OUTPUT,
  ),
  ...all(
    'StandardInput StandardInputText StandardInputData TTYPath TTYReset TTYVHangup TTYVTDisallocate',
    'stdin of an agent is /dev/null',
  ),
  ...all(
    'SendSIGHUP SendSIGKILL FinalKillSignal RestartKillSignal WatchdogSignal TimeoutAbortSec TimeoutStartFailureMode TimeoutStopFailureMode',
    KILL,
  ),
  ...all('ExecStartPost', 'nothing runs after a start; ready says when an agent may be used'),
  ...all('ExecStopPost', 'nothing runs after an end; start.before runs before the next start'),
  ...all('ExecCondition', CONDITION),
  ...all(
    'Sockets FileDescriptorStoreMax FileDescriptorStorePreserve OpenFile',
    'no descriptors are handed to an agent',
  ),
  ...all(
    'LoadCredential LoadCredentialEncrypted SetCredential SetCredentialEncrypted ImportCredential',
    'secrets come from envFile, or from files in {dir}',
  ),
  PassEnvironment:
    'nothing of the supervisor’s environment reaches an agent; write the variables in env or envFile',
  RuntimeMaxSec: 'restart.maxAge replaces agents of a certain age, but an end by it is no failure',
  RuntimeRandomizedExtraSec: 'restart.maxAge.jitter spreads such restarts',
  RestartForceExitStatus: 'restart.on decides; restart.success and restart.never name exit codes',
  RestartMode: 'the watching of other units is not part of a fleet',
  RootDirectoryStartOnly: SANDBOX,
  PermissionsStartOnly: 'prepare and start.before run as the agent’s user',
  NonBlocking: 'it is about sockets that systemd hands over',
  NotifyAccess: 'a process of the slot may notify; nobody else may',
  BusName: 'D-Bus is not looked at; choose a readiness check',
  GuessMainPID: 'the main process is the one that was started, or that MAINPID= or pidFile names',
  USBFunctionDescriptors: 'no descriptors are handed to an agent',
  ...all(
    'CPUSchedulingPolicy CPUSchedulingPriority CPUSchedulingResetOnFork NUMAPolicy NUMAMask TimerSlackNSec CoredumpFilter IgnoreSIGPIPE UtmpIdentifier UtmpMode',
    'process has nice, ionice, cpus, umask, group, groups, oomScoreAdj and capabilities',
  ),
  ...all(
    'LimitRSS LimitLOCKS LimitNICE LimitRTPRIO LimitRTTIME',
    'limits has as, core, cpu, data, fsize, memlock, msgqueue, nproc, sigpending and stack',
  ),
};

/** Directives of [Unit]. */
export const UNIT_LACKS: ServiceRules = {
  ...all(
    `After Before Requires Requisite Wants BindsTo PartOf Upholds Conflicts OnSuccess PropagatesReloadTo ReloadPropagatedFrom
    PropagatesStopTo StopPropagatedFrom JoinsNamespaceOf RequiresMountsFor WantsMountsFor DefaultDependencies OnFailureJobMode`,
    ORDER,
  ),
  OnFailure: 'fleetctl watchdog and the metrics say when a fleet is degraded or held',
  ...all('Documentation SourcePath', DOCUMENTATION),
  ...all(
    `StopWhenUnneeded RefuseManualStart RefuseManualStop AllowIsolate IgnoreOnIsolate CollectMode JobTimeoutSec
    JobRunningTimeoutSec JobTimeoutAction FailureAction SuccessAction StartLimitAction RebootArgument SurviveFinalKillSignal`,
    'it is about units and their jobs',
  ),
};

/** Directives of [Install]. */
export const INSTALL_LACKS: ServiceRules = {
  ...all(
    'WantedBy RequiredBy UpheldBy',
    'an installed supervisor starts its fleets at boot (fleetctl install)',
  ),
  ...all('Also Alias', 'it is about names of units'),
  DefaultInstance: 'the target says how many agents run',
};

/** [Unit] has many conditions and assertions, all of one kind. */
export function conditionReason(name: string): string | undefined {
  return /^(Condition|Assert)[A-Z]/.test(name) ? CONDITION : undefined;
}
