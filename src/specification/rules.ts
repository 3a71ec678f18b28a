import type { FLEET } from './fields.ts';
import { literal, uses } from './placeholders.ts';
import { portProblem } from './ports.ts';
import { below, type Problem } from './problems.ts';
import { formatDuration, formatSize } from './units.ts';

/** A spec as the field table returns it: values that depend on other keys are not filled in yet. */
export type Written = NonNullable<ReturnType<typeof FLEET.read>>;

type Key = keyof Written;

/** A condition between keys. It is checked only if none of these keys has a problem of its own. */
interface Rule {
  about: readonly Key[];
  problems: (spec: Written) => Problem[];
}

const RULES: readonly Rule[] = [
  needsPorts('command', ({ command }) => items('command', command)),
  needsPorts('env', ({ env }) => Object.entries(env).map(([name, value]) => [below('env', name), value])),
  needsPorts('envFile', ({ envFile }) => (envFile === null ? [] : [['envFile', envFile]])),
  {
    about: ['envFile'],
    problems: ({ envFile }) =>
      envFile === null || literal(envFile) !== null
        ? []
        : [{ path: 'envFile', text: 'placeholders are not supported here yet' }],
  },
  needsPorts('prepare', ({ prepare }) => items('prepare', prepare ?? [])),
  needsPorts('ready', ({ ready }) => (ready.kind === 'exec' ? items('ready.exec', ready.argv) : [])),
  { about: ['ready', 'ports', 'command'], problems: readyHasItsPort },
  {
    about: ['ports', 'target'],
    problems: ({ ports, target }) => {
      const text = ports === null || !target ? null : portProblem(ports, target - 1);
      return text === null ? [] : [{ path: 'ports', text }];
    },
  },
  {
    about: ['rounds'],
    problems: ({ rounds: { adaptive, parallel, parallelMax } }) => {
      if (!adaptive || parallel <= parallelMax) return [];
      const text = `expected at most rounds.parallelMax (${parallelMax}), found ${parallel}`;
      return [{ path: 'rounds.parallel', text }];
    },
  },
  {
    about: ['restart'],
    problems: ({ restart: { backoff } }) => {
      if (backoff.minMs <= backoff.maxMs) return [];
      const text = `expected at most restart.backoff.max (${formatDuration(backoff.maxMs)}), found ${formatDuration(backoff.minMs)}`;
      return [{ path: 'restart.backoff.min', text }];
    },
  },
  {
    about: ['resources'],
    problems: ({ resources }) => {
      const { requestBytes, limitBytes } = resources?.memory ?? { requestBytes: null, limitBytes: null };
      if (requestBytes === null || limitBytes === null || requestBytes <= limitBytes) return [];
      const text = `expected at most resources.memory.limit (${formatSize(limitBytes)}), found ${formatSize(requestBytes)}`;
      return [{ path: 'resources.memory.request', text }];
    },
  },
];

/** Adds the problems between keys to those of single keys. */
export function addRuleProblems(spec: Written, problems: Problem[]): void {
  const broken = new Set(problems.map(({ path }) => path.split(/[.[]/, 1)[0]));
  for (const rule of RULES) {
    if (!rule.about.some((key) => broken.has(key))) problems.push(...rule.problems(spec));
  }
}

/** Templates with their paths. */
type Templates = [path: string, template: string][];

function items(path: string, argv: readonly string[]): Templates {
  return argv.map((template, i) => [below(path, i), template]);
}

function needsPorts(key: Key, templates: (spec: Written) => Templates): Rule {
  return {
    about: [key, 'ports'],
    problems: (spec) => {
      if (spec.ports !== null) return [];
      return templates(spec)
        .filter(([, template]) => uses([template], 'port'))
        .map(([path]) => ({ path, text: 'uses {port}, which needs ports: { base: … }' }));
    },
  };
}

function readyHasItsPort({ ready, ports, command }: Written): Problem[] {
  if (ports !== null) return [];
  const overSocket = ready.kind === 'http' && uses(command, 'socket');
  if (overSocket || (ready.kind !== 'tcp' && ready.kind !== 'udp' && ready.kind !== 'http')) return [];
  const or = ready.kind === 'http' ? ', or {socket} in the command' : '';
  return [{ path: `ready.${ready.kind}`, text: `needs ports: { base: … }${or}` }];
}
