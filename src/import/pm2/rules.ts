import { formatDuration } from '../../specification/units.ts';
import { attemptsPeriod, isUserName, signalName, sizeText } from '../values.ts';
import { type App, type AppRule, type AppRules, isOn, milliseconds, readMilliseconds } from './app.ts';

const WATCHING = 'fleetd does not watch files; fleetctl rolling-update replaces agents by a new release';
const LOG_FILE = 'the output of each agent is in a file of its own; fleetctl logs SLOT shows it';
const LOG_FORMAT = 'output is kept as it is written';
const PM2_ONLY = "it is about pm2's own services";
const SOURCE_MAPS = 'pm2 loads a library into Node for it; Node itself has --enable-source-maps';
const TAKEN = (): void => {};
/** pm2 begins with this pause and never waits longer than 15 s. */
const EXPONENTIAL_MAX_MS = 15_000;
/** The default of restart.backoff.max, in milliseconds. */
const BACKOFF_MAX_MS = 300_000;
/** The default of ready.timeout, in milliseconds. */
const READY_TIMEOUT_MS = 30_000;

/** Every property of an app, and what becomes of it. */
export const APP_RULES: AppRules = {
  // What command.ts and environment.ts take over together.
  ...Object.fromEntries(
    ['name', 'script', 'args', 'node_args', 'interpreter', 'cwd', 'env', 'instance_var', 'increment_var'].map(
      (name): [string, AppRule] => [name, TAKEN],
    ),
  ),
  instances: (value, { draft, instances, world }) => {
    if (Number(value) === instances) return;
    draft.note('target', `instances: ${String(value)}, on a host of ${world.processors} processors.`);
  },
  exec_mode: (value, { draft, instances }, directive) => {
    if (!String(value).startsWith('cluster') || instances === 1) return;
    draft.lack(
      directive,
      'workers of a cluster share one port; agents have a port each, so the program must listen at the one it is told (PORT)',
    );
  },
  autorestart: (value, { draft }) => {
    if (value === false || value === 'false') draft.set('restart.on', 'never');
  },
  stop_exit_codes: (value, { draft, values }, directive) => {
    const codes = (Array.isArray(value) ? value : [value]).map(Number);
    if (codes.some((code) => !Number.isInteger(code) || code < 0 || code > 255)) {
      return draft.lack(directive, 'not a list of exit codes');
    }
    if (values.autorestart === false) return;
    if (!codes.includes(0)) return draft.take(directive, 'restart.never', codes);
    draft.set('restart.on', 'on-failure');
    if (codes.length > 1) draft.take(directive, 'restart.success', codes);
  },
  max_restarts: (value, app, directive) => {
    const count = Number(value);
    const within = attemptsPeriod(count, startSeconds(app), backoffSeconds(app));
    app.draft.take(
      directive,
      'restart.attempts',
      { count, within },
      `max_restarts=${count}: then the slot is failed.`,
    );
  },
  min_uptime: (value, app, directive) => {
    const after = milliseconds(value, directive, app);
    if (after === null) return;
    app.draft.take(directive, 'ready.after', formatDuration(after));
    if (after >= READY_TIMEOUT_MS)
      app.draft.take(directive, 'ready.timeout', formatDuration(after + READY_TIMEOUT_MS));
  },
  restart_delay: (value, app, directive) => {
    const pause = milliseconds(value, directive, app);
    if (!pause) return;
    if (app.values.exp_backoff_restart_delay !== undefined) return;
    app.draft.take(directive, 'restart.backoff.min', formatDuration(pause));
    if (pause > BACKOFF_MAX_MS) app.draft.take(directive, 'restart.backoff.max', formatDuration(pause));
  },
  exp_backoff_restart_delay: (value, app, directive) => {
    const pause = milliseconds(value, directive, app);
    if (!pause) return;
    app.draft.take(directive, 'restart.backoff', {
      min: formatDuration(Math.min(pause, EXPONENTIAL_MAX_MS)),
      max: formatDuration(EXPONENTIAL_MAX_MS),
    });
  },
  max_memory_restart: (value, { draft }, directive) => {
    const found = /^(\d+(?:\.\d+)?)\s*([KMG])?B?$/i.exec(String(value));
    if (found === null) return draft.lack(directive, 'not a size such as 300M');
    const bytes = Number(found[1]) * 1024 ** ['', 'K', 'M', 'G'].indexOf((found[2] ?? '').toUpperCase());
    draft.take(directive, 'leak', { agentLimit: sizeText(Math.round(bytes)), recycle: true });
    draft.note('leak', 'Agents above the limit are replaced within the rounds, every 5 minutes.');
  },
  kill_timeout: (value, app, directive) => {
    const grace = milliseconds(value, directive, app);
    if (grace !== null) app.draft.take(directive, 'stop.grace', formatDuration(grace));
  },
  treekill: (value, { draft }) => {
    if (value === false) draft.set('stop.to', 'main');
  },
  wait_ready: (value, { draft }, directive) => {
    if (isOn(value)) {
      draft.lack(
        directive,
        "process.send('ready') reaches nobody; choose a check as ready: tcp, http, socket or notify",
      );
    }
  },
  listen_timeout: (value, app, directive) => {
    const timeout = milliseconds(value, directive, app);
    if (timeout === null) return;
    const after = milliseconds(app.values.min_uptime ?? 1_000, directive, app) ?? 0;
    if (timeout > after) app.draft.take(directive, 'ready.timeout', formatDuration(timeout));
    else
      app.draft.lack(directive, 'too short for a start: pm2 goes on after it, fleetd counts it as a failure');
  },
  shutdown_with_message: (value, { draft }, directive) => {
    if (isOn(value)) draft.lack(directive, 'an agent is asked to end by a signal, stop.signal');
  },
  cron_restart: (value, { draft }, directive) => {
    if (value === 0 || value === '0' || value === false) return;
    draft.lack(
      directive,
      'nothing restarts at a time of day; restart.maxAge: { after: 24h } replaces agents of a certain age, or let cron run fleetctl restart',
    );
  },
  watch: (value, { draft }, directive) => {
    if (value !== false) draft.lack(directive, WATCHING);
  },
  ignore_watch: WATCHING,
  watch_delay: WATCHING,
  watch_options: WATCHING,
  uid: (value, { draft }, directive) => {
    if (isUserName(String(value))) draft.set('user', value, 'The supervisor must run as root for this.');
    else draft.lack(directive, 'user takes the name of a user, not a uid');
  },
  gid: (value, { draft }, directive) => {
    if (isUserName(String(value))) draft.take(directive, 'process.group', value);
    else draft.lack(directive, 'process.group takes the name of a group, not a gid');
  },
  namespace: (value, { draft }, directive) => {
    if (value !== 'default') draft.take(directive, 'labels', { namespace: String(value) });
  },
  disable_logs: (value, { draft }) => {
    if (isOn(value)) draft.set('logs.to', 'null');
  },
  out_file: toLogFile,
  error_file: toLogFile,
  log_file: toLogFile,
  pid_file: 'pids are in fleetctl ps --json',
  merge_logs: (value, { draft }, directive) => {
    if (isOn(value)) draft.lack(directive, `${LOG_FILE}; fleetctl logs --all shows those of many slots`);
  },
  log_date_format: LOG_FORMAT,
  log_type: LOG_FORMAT,
  time: (value, { draft }, directive) => {
    if (isOn(value)) draft.lack(directive, LOG_FORMAT);
  },
  source_map_support: (value, { draft }, directive) => {
    if (isOn(value)) draft.lack(directive, SOURCE_MAPS);
  },
  disable_source_map_support: TAKEN,
  filter_env:
    'nothing of the environment of fleetctl or fleetd reaches an agent, so there is nothing to filter',
  append_env_to_name: 'the fleet keeps its name',
  force: 'a program may be the command of several fleets',
  post_update: 'nothing is deployed; start.before runs before every start',
  vizion: onlyIfOn(PM2_ONLY),
  pmx: onlyIfOn(PM2_ONLY),
  automation: onlyIfOn(PM2_ONLY),
  trace: onlyIfOn(PM2_ONLY),
  deep_monitoring: onlyIfOn(PM2_ONLY),
  ...Object.fromEntries(
    ['io', 'axm_options', 'versioning', 'increment_version', 'instance_id'].map((name) => [name, PM2_ONLY]),
  ),
  kill_signal: (value, { draft }, directive) => {
    const signal = signalName(String(value));
    if (signal !== null) draft.take(directive, 'stop.signal', signal);
    else draft.lack(directive, 'not a signal that stop.signal accepts');
  },
};

/** Other names of pm2 for the same. */
export const ALIASES: Readonly<Record<string, string>> = {
  exec: 'script',
  exec_interpreter: 'interpreter',
  interpreter_args: 'node_args',
  nodeArgs: 'node_args',
  interpreterArgs: 'node_args',
  error: 'error_file',
  err: 'error_file',
  err_log: 'error_file',
  err_file: 'error_file',
  out: 'out_file',
  output: 'out_file',
  out_log: 'out_file',
  log: 'log_file',
  pid: 'pid_file',
  cron: 'cron_restart',
  user: 'uid',
  combine_logs: 'merge_logs',
  mergeLogs: 'merge_logs',
  max_memory: 'max_memory_restart',
  watch_ignore: 'ignore_watch',
  env_name: 'append_env_to_name',
};

function toLogFile(
  value: unknown,
  { draft, values }: App,
  directive: Parameters<Exclude<AppRule, string>>[2],
): void {
  const isNull = (each: unknown) => each === '/dev/null' || each === 'NULL';
  if (isNull(values.out_file) && isNull(values.error_file)) draft.set('logs.to', 'null');
  else draft.lack(directive, isNull(value) ? 'logs.to: null is for stdout and stderr together' : LOG_FILE);
}

/** How long an app must run to have started, in seconds. */
function startSeconds({ values }: App): number {
  return (readMilliseconds(values.min_uptime ?? 1_000) ?? 1_000) / 1_000;
}

/** The pauses of an app, in seconds. */
function backoffSeconds({ values }: App): { min: number; max: number } {
  const exponential = readMilliseconds(values.exp_backoff_restart_delay);
  if (exponential) return { min: exponential / 1_000, max: EXPONENTIAL_MAX_MS / 1_000 };
  const min = (readMilliseconds(values.restart_delay) || 1_000) / 1_000;
  return { min, max: Math.max(min, BACKOFF_MAX_MS / 1_000) };
}

function onlyIfOn(reason: string): AppRule {
  return (value, { draft }, directive) => {
    if (isOn(value)) draft.lack(directive, reason);
  };
}
