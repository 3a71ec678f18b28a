import { type Directive, type Rules, ruleOf, type Unsupported } from '../draft.ts';
import { template } from '../holes.ts';
import { absolutePath } from '../values.ts';
import { readVariables } from './environment.ts';
import type { Section } from './ini.ts';
import type { Program } from './program.ts';
import { LISTENER_REASON, PROGRAM_RULES, toUser } from './rules.ts';

/** The soft limit of open files that agents have anyway. */
const NOFILE_DEFAULT = 1_024;
const OWN_LOG = "it is about supervisord's own log; fleetd writes STATE/fleetd.log";
const OWN_PROCESS = 'it is about the process supervisord; fleetctl install makes fleetd a service';

/** Every directive of [supervisord]: those that programs inherit are taken over into each fleet. */
const SUPERVISORD_RULES: Rules<Program> = {
  environment: (directive, { draft, expand }) => draft.addEnv(readVariables(expand(directive)).variables),
  umask: ruleOf(PROGRAM_RULES, 'umask')!,
  user: (directive, program) => {
    if (directive.value.trim() !== 'root') toUser(directive, program);
  },
  directory: (directive, { draft, expand, here }) =>
    draft.set('cwd', template(absolutePath(here, expand(directive)))),
  minfds: (directive, { draft }) => {
    const files = Number(directive.value);
    if (files > NOFILE_DEFAULT) draft.take(directive, 'resources.nofile', files);
  },
  minprocs: 'it is a minimum for supervisord; agents have no limit of processes unless limits.nproc sets one',
  logfile: OWN_LOG,
  logfile_maxbytes: OWN_LOG,
  logfile_backups: OWN_LOG,
  loglevel: OWN_LOG,
  silent: OWN_LOG,
  childlogdir: 'the output of agents is in STATE/logs; FLEETD_STATE_DIR is the state directory',
  strip_ansi: 'fleetd keeps output as it is, and fleetctl logs shows control characters harmlessly',
  nocleanup: 'logs are bounded, and stay',
  pidfile: OWN_PROCESS,
  nodaemon: OWN_PROCESS,
  identifier: OWN_PROCESS,
};

/** Why nothing of these sections can be taken over; the name is what precedes a colon. */
const SECTIONS: Readonly<Record<string, string>> = {
  unix_http_server:
    'fleetd listens at fleetd.sock in its runtime directory, and only its own user may give commands',
  inet_http_server: 'fleetd opens no port for its API; fleetctl dashboard opens a page at a loopback port',
  supervisorctl: 'fleetctl finds its supervisor by FLEETD_RUNTIME_DIR, and needs no configuration',
  rpcinterface: 'fleetd has an HTTP API of its own, described at /v1/openapi.json',
  ctlplugin: 'fleetctl has no plug-ins',
  eventlistener: LISTENER_REASON,
};

/** Gives a fleet what its program inherits from [supervisord], unless it has its own. */
export function applyShared(own: Section | undefined, program: Program): void {
  for (const directive of own?.directives ?? []) {
    const isOwn = directive.name !== 'environment' && program.directive(directive.name) !== undefined;
    const rule = ruleOf(SUPERVISORD_RULES, directive.name);
    if (typeof rule === 'function' && !isOwn) rule(directive, program);
  }
}

/** What a section that is no program has and nothing takes over. */
export function leftOf({ name, directives }: Section): Unsupported[] {
  const kind = name.split(':')[0]!;
  const finding = ({ file, line, name: directive }: Directive, reason: string): Unsupported[] => [
    { file, line, directive, reason },
  ];
  if (kind === 'program' || kind === 'fcgi-program' || name === 'include') return [];
  return directives.flatMap((directive) => {
    if (kind === 'group') return groupFinding(directive, finding);
    const rule = name === 'supervisord' ? ruleOf(SUPERVISORD_RULES, directive.name) : SECTIONS[kind];
    if (typeof rule === 'function') return [];
    if (rule !== undefined) return finding(directive, name === 'supervisord' ? rule : `[${name}]: ${rule}`);
    return finding(directive, `fleetctl knows no such directive of [${name}]`);
  });
}

function groupFinding(
  directive: Directive,
  finding: (directive: Directive, reason: string) => Unsupported[],
): Unsupported[] {
  if (directive.name === 'programs') return [];
  if (directive.name === 'priority') return finding(directive, PROGRAM_RULES.priority as string);
  return finding(directive, 'fleetctl knows no such directive of [group:x]');
}
