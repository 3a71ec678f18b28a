import type { FLEET } from './fields.ts';
import { keysUsed, uses } from './placeholders.ts';
import { portProblem } from './ports.ts';
import { below, nearest, type Problem } from './problems.ts';
import { formatDuration, formatSize } from './units.ts';

/** A spec as the field table returns it: values that depend on other keys are not filled in yet. */
export type Written = NonNullable<ReturnType<typeof FLEET.read>>;

type Key = keyof Written;

/** A condition between keys. It is checked only if none of these keys has a problem of its own. */
interface Rule {
  about: readonly Key[];
  problems: (spec: Written) => Problem[];
}

/** Templates with their paths. */
type Templates = [path: string, template: string][];

/** The keys with placeholders, and their templates. */
const TEMPLATED: readonly (readonly [key: Key, templates: (spec: Written) => Templates])[] = [
  ['command', ({ command }) => items('command', command)],
  ['env', ({ env }) => Object.entries(env).map(([name, value]) => [below('env', name), value])],
  ['prepare', ({ prepare }) => items('prepare', prepare ?? [])],
  ['ready', ({ ready }) => (ready.kind === 'exec' ? items('ready.exec', ready.argv) : [])],
];

const RULES: readonly Rule[] = [
  ...TEMPLATED.flatMap(([key, templates]) => [needsPorts(key, templates), needsLabels(key, templates)]),
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

function needsLabels(key: Key, templates: (spec: Written) => Templates): Rule {
  return {
    about: [key, 'labels'],
    problems: (spec) => {
      const labels = spec.labels ?? {};
      return templates(spec).flatMap(([path, template]) =>
        keysUsed([template], 'label')
          .filter((label) => !Object.hasOwn(labels, label))
          .map((label) => ({ path, text: `uses {label.${label}}, ${missing(label, Object.keys(labels))}` })),
      );
    },
  };
}

function missing(label: string, known: readonly string[]): string {
  const meant = nearest(label, known);
  if (meant !== null) return `but there is no such label; did you mean {label.${meant}}?`;
  return `which needs labels: { ${label}: … }`;
}

function readyHasItsPort({ ready, ports, command }: Written): Problem[] {
  if (ports !== null) return [];
  const overSocket = ready.kind === 'http' && uses(command, 'socket');
  if (overSocket || (ready.kind !== 'tcp' && ready.kind !== 'udp' && ready.kind !== 'http')) return [];
  const or = ready.kind === 'http' ? ', or {socket} in the command' : '';
  return [{ path: `ready.${ready.kind}`, text: `needs ports: { base: … }${or}` }];
}
