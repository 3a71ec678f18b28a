import { template } from '../holes.ts';
import { absolutePath, isUserName, secondsText, signalName } from '../values.ts';
import { argvOf, argvOfAll, commandsOf, signalOf, wordsOf } from './exec.ts';
import { conditionReason, INSTALL_LACKS, SERVICE_LACKS, UNIT_LACKS } from './lacks.ts';
import { LIMIT_RULES } from './limits.ts';
import { RESTART_RULES } from './restart.ts';
import { SANDBOX_RULES } from './sandbox.ts';
import { boolean, type Service, type ServiceRule, type ServiceRules, seconds, single } from './service.ts';
import { expandSpecifiers } from './specifiers.ts';

/** Where a service is ready as soon as it runs, so long is it watched. */
const READY_AFTER = '1s';

/** Directives of [Service] that are taken over. */
const SERVICE: ServiceRules = {
  Type: single((directive, service) => {
    const { draft } = service;
    const type = directive.value;
    if (type === 'notify' || type === 'notify-reload') {
      draft.set('ready.notify', true);
      if (type === 'notify-reload' && service.value('ExecReload') === undefined) {
        draft.set('reload.signal', 'SIGHUP');
      }
      return;
    }
    draft.take(directive, 'ready.after', READY_AFTER);
    draft.note('ready', 'A real check is better: tcp, udp, socket, http, exec or notify.');
    if (type === 'forking' && service.value('PIDFile') === undefined) {
      draft.lack(directive, 'keep the daemon in the foreground, or name its pid file as pidFile');
    }
    if (type === 'oneshot')
      draft.lack(directive, 'a fleet is of daemons; what ends at once is better run by a timer');
    if (type === 'dbus') draft.lack(directive, 'D-Bus is not looked at; choose a readiness check');
  }),
  ExecStart: (directives, service) => {
    const commands = commandsOf(directives, service);
    service.draft.set(
      'command',
      argvOfAll(
        commands.map((each) => ({ ...each, isLenient: false })),
        known(service),
      ),
    );
    const lenient = commands.find(({ isLenient }) => isLenient);
    if (lenient) service.draft.lack(lenient.directive, 'prefix -: a failure stays a failure');
  },
  ExecStartPre: (directives, service) => {
    const commands = commandsOf(directives, service);
    if (commands.length > 0) service.draft.set('start.before', argvOfAll(commands, known(service)));
  },
  ExecStop: (directives, service) => {
    const commands = commandsOf(directives, service);
    const signal = commands.length === 1 ? signalOf(commands[0]!) : null;
    if (signal !== null) service.draft.take(directives.at(-1)!, 'stop.signal', signal);
    else if (commands.length > 0) service.draft.set('stop.command', argvOfAll(commands, known(service)));
  },
  ExecReload: (directives, service) => {
    const [first, ...others] = commandsOf(directives, service);
    if (first === undefined) return;
    const signal = signalOf(first);
    if (signal !== null) service.draft.set('reload.signal', signal);
    else service.draft.set('reload.exec', argvOf(first, known(service)));
    for (const { directive } of others)
      service.draft.lack(directive, 'a reload is one signal or one command');
  },
  PIDFile: single((directive, { draft, ...service }) => {
    const path = expandSpecifiers(directive, { draft, ...service });
    draft.take(directive, 'pidFile', template(absolutePath('/run', path)));
  }),
  Environment: (directives, service) => {
    service.draft.addEnv(
      Object.fromEntries([...variablesOf(service)].map(([name, value]) => [name, template(value)])),
    );
    for (const directive of directives) {
      if (wordsOf(directive, service).some((word) => !/^[A-Za-z_]\w*=/.test(word))) {
        service.draft.lack(
          directive,
          'not NAME=VALUE throughout; a word with spaces needs quotes around all of it',
        );
      }
    }
  },
  EnvironmentFile: (directives, service) => {
    const { draft } = service;
    const [first, ...others] = directives;
    const path = expandSpecifiers(first!, service);
    draft.take(first!, 'envFile', template(path.replace(/^-/, '')));
    if (path.startsWith('-')) draft.lack(first!, 'prefix -: an envFile that is missing is an error');
    for (const other of others) draft.lack(other, 'a fleet has one envFile; put both into one');
  },
  // They are left out of Environment=; an agent has nothing else that could be unset.
  UnsetEnvironment: () => {},
  WorkingDirectory: single((directive, service) => {
    const path = expandSpecifiers(directive, service).replace(/^-/, '');
    if (path === '~') return service.draft.lack(directive, 'write the home directory itself as cwd');
    if (directive.value.startsWith('-'))
      service.draft.lack(directive, 'prefix -: a cwd that is missing is an error');
    service.draft.take(directive, 'cwd', template(path));
  }),
  StateDirectory: (directives, service) => {
    service.draft.addEnv({ STATE_DIRECTORY: '{dir}' });
    for (const directive of directives) {
      service.draft.lack(
        directive,
        'each slot has a directory of its own, {dir}, which STATE_DIRECTORY names; move the files there, or write the old path',
      );
    }
  },
  User: single((directive, service) => {
    const user = expandSpecifiers(directive, service);
    if (isUserName(user)) service.draft.set('user', user, 'The supervisor must run as root for this.');
    else service.draft.lack(directive, 'user takes the name of a user of this host');
  }),
  Group: single((directive, { draft }) => {
    if (isUserName(directive.value)) draft.take(directive, 'process.group', directive.value);
    else draft.lack(directive, 'process.group takes the name of a group of this host');
  }),
  SupplementaryGroups: (directives, service) => {
    const names = directives.flatMap((each) => wordsOf(each, service));
    if (names.every(isUserName)) service.draft.take(directives.at(-1)!, 'process.groups', names);
    else service.draft.lack(directives.at(-1)!, 'process.groups takes names of groups of this host');
  },
  KillMode: single((directive, { draft }) => {
    const { value } = directive;
    if (value === 'control-group') draft.set('stop.to', 'all');
    else draft.set('stop.to', 'main');
    if (value === 'process' || value === 'none') {
      draft.lack(directive, 'what the agent forked ends with it; nothing of a slot outlives its agent');
    }
  }),
  KillSignal: single((directive, { draft }) => {
    const signal = signalName(directive.value);
    if (signal !== null) draft.take(directive, 'stop.signal', signal);
    else draft.lack(directive, 'not a signal that stop.signal accepts');
  }),
  TimeoutStopSec: single((directive, service) => {
    const grace = seconds(directive, service);
    if (grace !== null) service.draft.take(directive, 'stop.grace', secondsText(grace));
  }),
  TimeoutStartSec: single((directive, service) => {
    const timeout = seconds(directive, service);
    if (timeout === null) return;
    if (/^notify/.test(service.value('Type') ?? ''))
      service.draft.take(directive, 'ready.timeout', secondsText(timeout));
    if (service.value('ExecStartPre') !== undefined)
      service.draft.take(directive, 'start.timeout', secondsText(timeout));
  }),
  TimeoutSec: single((directive, service) => {
    for (const name of ['TimeoutStartSec', 'TimeoutStopSec']) {
      if (service.value(name) !== undefined) continue;
      (SERVICE[name] as Exclude<ServiceRule, string>)([directive], service);
    }
  }),
  WatchdogSec: single((directive, service) => {
    const every = seconds(directive, service);
    if (every === null || every >= 86_400) return;
    if (/^notify/.test(service.value('Type') ?? ''))
      service.draft.take(directive, 'health', { every: secondsText(every), failures: 1 });
    else
      service.draft.lack(directive, 'without Type=notify nothing can tell; health repeats any other check');
  }),
  StandardOutput: single((directive, { draft }) => {
    const [to] = directive.value.split(/[:+]/);
    if (to === 'journal' || to === 'syslog' || to === 'kmsg') draft.set('logs.to', 'journal');
    else if (to === 'null') draft.set('logs.to', 'null');
    else if (to !== 'inherit') draft.lack(directive, SERVICE_LACKS.SyslogIdentifier as string);
  }),
  StandardError: single((directive, service) => {
    if (directive.value === 'inherit' || directive.value === (service.value('StandardOutput') ?? 'journal'))
      return;
    service.draft.lack(
      directive,
      'stderr goes where stdout goes; logs.stderr: separate keeps them apart in files',
    );
  }),
  RemainAfterExit: single((directive, { draft }) => {
    if (boolean(directive.value) !== false)
      draft.lack(directive, 'a fleet is of daemons: an agent that has ended does not run');
  }),
  ...RESTART_RULES,
  ...LIMIT_RULES,
  ...SANDBOX_RULES,
};

/** Directives of [Unit] that are taken over. */
const UNIT: ServiceRules = {
  Description: single((directive, service) => {
    const { draft } = service;
    draft.note('', directive.value);
  }),
  StartLimitIntervalSec: RESTART_RULES.StartLimitInterval!,
  StartLimitInterval: RESTART_RULES.StartLimitInterval!,
  StartLimitBurst: RESTART_RULES.StartLimitBurst!,
};

/** What becomes of a directive: a rule, or why nothing can take it over. */
export function serviceRule(section: string, name: string): ServiceRule {
  const tables = SECTIONS[section];
  if (tables === undefined) {
    return section.startsWith('X-')
      ? 'systemd ignores this section'
      : `fleetctl knows no section [${section}] of a service`;
  }
  const table = tables.find((each) => Object.hasOwn(each, name));
  const condition = section === 'Unit' ? conditionReason(name) : undefined;
  return table?.[name] ?? condition ?? `fleetctl knows no such directive of [${section}]`;
}

const SECTIONS: Readonly<Record<string, readonly ServiceRules[]>> = {
  Unit: [UNIT, UNIT_LACKS],
  Service: [SERVICE, SERVICE_LACKS],
  Install: [INSTALL_LACKS],
};

/** The variables of Environment=, later ones over earlier ones, without those of UnsetEnvironment=. */
function variablesOf(service: Service): Map<string, string> {
  const unset = service.all('UnsetEnvironment').flatMap((each) => wordsOf(each, service));
  return new Map(
    service
      .all('Environment')
      .flatMap((each) => wordsOf(each, service))
      .flatMap((word): [string, string][] => {
        const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? [];
        return name === undefined || unset.includes(name) ? [] : [[name, value!]];
      }),
  );
}

/** Variables whose value a start cannot change: with an EnvironmentFile=, it may. */
function known(service: Service): ReadonlyMap<string, string> {
  return service.all('EnvironmentFile').length > 0 ? new Map() : variablesOf(service);
}
