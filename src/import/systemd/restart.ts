import { secondsText } from '../values.ts';
import { type ServiceRules, seconds, single } from './service.ts';

/** The default of restart.backoff.max, in seconds. */
const BACKOFF_MAX_SECONDS = 300;
const BACKOFF_MIN_SECONDS = 0.001;
/** systemd's own defaults: 5 starts within 10 s. */
const BURST_DEFAULT = 5;
const INTERVAL_DEFAULT_SECONDS = 10;
const SIGNAL_OR_NAME = 'only exit codes can be named, as numbers';

/** sysexits(3) and systemd.exec(5): exit codes that have a name. */
const CODES: Readonly<Record<string, number>> = {
  SUCCESS: 0,
  FAILURE: 1,
  USAGE: 64,
  DATAERR: 65,
  NOINPUT: 66,
  NOUSER: 67,
  NOHOST: 68,
  UNAVAILABLE: 69,
  SOFTWARE: 70,
  OSERR: 71,
  OSFILE: 72,
  CANTCREAT: 73,
  IOERR: 74,
  TEMPFAIL: 75,
  PROTOCOL: 76,
  NOPERM: 77,
  CONFIG: 78,
};

/** Directives about ends and restarts. */
export const RESTART_RULES: ServiceRules = {
  Restart: single((directive, { draft }) => {
    const { value } = directive;
    const exact = { no: 'never', always: 'always', 'on-failure': 'on-failure' }[value];
    const near = {
      'on-abnormal': 'on-failure',
      'on-abort': 'on-failure',
      'on-watchdog': 'on-failure',
      'on-success': 'never',
    }[value];
    const on = exact ?? near;
    if (on === undefined) return draft.lack(directive, 'not a value that systemd knows');
    draft.set('restart.on', on);
    if (near !== undefined)
      draft.lack(directive, `restart.on is always, on-failure or never; ${near} comes nearest`);
  }),
  RestartSec: single((directive, service) => {
    const pause = Math.max(seconds(directive, service) ?? 0, BACKOFF_MIN_SECONDS);
    service.draft.take(directive, 'restart.backoff.min', secondsText(pause));
    if (pause > BACKOFF_MAX_SECONDS) service.draft.take(directive, 'restart.backoff.max', secondsText(pause));
  }),
  RestartMaxDelaySec: single((directive, service) => {
    const pause = seconds(directive, service);
    if (pause !== null) service.draft.take(directive, 'restart.backoff.max', secondsText(pause));
  }),
  RestartSteps: single((directive, { draft }) =>
    draft.lack(directive, 'the pause doubles with each failure, up to restart.backoff.max'),
  ),
  SuccessExitStatus: (directives, { draft }) => {
    const { codes, others } = statuses(directives);
    if (codes.length > 0) draft.take(directives.at(-1)!, 'restart.success', [...new Set([0, ...codes])]);
    if (others.length > 0) draft.lack(directives.at(-1)!, `${others.join(' ')}: ${SIGNAL_OR_NAME}`);
  },
  RestartPreventExitStatus: (directives, { draft, all }) => {
    const { codes, others } = statuses(directives);
    const success = [0, ...statuses(all('SuccessExitStatus')).codes];
    const never = codes.filter((code) => !success.includes(code));
    if (never.length > 0) draft.take(directives.at(-1)!, 'restart.never', [...new Set(never)]);
    if (never.length < codes.length) {
      draft.lack(
        directives.at(-1)!,
        'a code of restart.success cannot be in restart.never; restart.on: on-failure ends with it',
      );
    }
    if (others.length > 0) draft.lack(directives.at(-1)!, `${others.join(' ')}: ${SIGNAL_OR_NAME}`);
  },
  StartLimitInterval: single((directive, service) => {
    const { draft } = service;
    if (/^0+\s*[a-z]*$/.test(directive.value)) return;
    const within = seconds(directive, service);
    if (within === null) return;
    const { count = BURST_DEFAULT } = (draft.get('restart.attempts') ?? {}) as { count?: number };
    draft.take(directive, 'restart.attempts', { count, within: secondsText(within) });
  }),
  StartLimitBurst: single((directive, { draft, directives }) => {
    const count = Number(directive.value);
    const off = directives.some(
      ({ name, value }) => /^StartLimitInterval(Sec)?$/.test(name) && /^0+\s*[a-z]*$/.test(value),
    );
    if (off) return;
    const { within = secondsText(INTERVAL_DEFAULT_SECONDS) } = (draft.get('restart.attempts') ?? {}) as {
      within?: string;
    };
    draft.take(directive, 'restart.attempts', { count, within });
  }),
};

/** Exit codes by number or name; the rest are signals and words that are none. */
function statuses(directives: readonly { value: string }[]): { codes: number[]; others: string[] } {
  const words = directives.flatMap(({ value }) => value.split(/\s+/));
  const code = (word: string) =>
    CODES[word] ?? (/^\d{1,3}$/.test(word) && Number(word) <= 255 ? Number(word) : null);
  return {
    codes: words.map(code).filter((each) => each !== null),
    others: words.filter((word) => code(word) === null),
  };
}
