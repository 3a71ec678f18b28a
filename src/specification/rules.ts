import { addressProblem } from './addresses.ts';
import type { FLEET } from './fields.ts';
import { type Placeholder, placeholdersIn, uses } from './placeholders.ts';
import { portProblem } from './ports.ts';
import { below, nearest, type Problem } from './problems.ts';
import type { Check } from './spec.ts';
import { formatDuration, formatSize } from './units.ts';

/** A spec as the field table returns it: values that depend on other keys are not filled in yet. */
export type Written = NonNullable<ReturnType<typeof FLEET.read>>;

type Key = keyof Written;

/** A condition between keys. It is checked only if none of these keys has a problem of its own. */
interface Rule {
  about: readonly Key[];
  problems: (spec: Written) => Problem[];
}

/** The keys with placeholders in them. */
const TEMPLATED = [
  'command',
  'env',
  'envFile',
  'cwd',
  'start',
  'prepare',
  'ready',
  'health',
  'reload',
  'sandbox',
  'pidFile',
  'stop',
] as const satisfies readonly Key[];

const RULES: readonly Rule[] = [
  ...TEMPLATED.map((key) => placeholdersHaveValues(key)),
  {
    about: ['ready', 'ports', 'command'],
    problems: ({ ready, ...spec }) => checkHasItsPort('ready', ready, spec),
  },
  {
    about: ['health', 'ports', 'command'],
    problems: ({ health, ...spec }) => checkHasItsPort('health.check', health?.check ?? null, spec),
  },
  {
    about: ['reload', 'ports', 'command'],
    problems: ({ reload, ...spec }) =>
      reload !== null && 'http' in reload ? answersHttp('reload.http', spec) : [],
  },
  { about: ['ports', 'addresses'], problems: portsAreComplete },
  {
    about: ['ports', 'addresses', 'target'],
    problems: ({ ports, addresses, target }) => {
      if (!target) return [];
      const port = portsProblem(ports, target - 1);
      const address = addresses && addressProblem(addresses, target - 1);
      return [
        ...(port === null ? [] : [{ path: 'ports', text: port }]),
        ...(address === null ? [] : [{ path: 'addresses.base', text: address }]),
      ];
    },
  },
  {
    about: ['restart'],
    problems: ({ restart: { success, never } }) => {
      const both = success.find((code) => never.includes(code));
      return both === undefined
        ? []
        : [{ path: 'restart.never', text: `${both} is in restart.success as well` }];
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
    about: ['sandbox'],
    problems: ({ sandbox }) =>
      (sandbox?.writable ?? []).flatMap((path, i) =>
        sandbox?.tmp === 'private' && /^\/(var\/)?tmp\/*$/.test(path)
          ? [{ path: `sandbox.writable[${i}]`, text: `${path} is private already (sandbox.tmp)` }]
          : [],
      ),
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

/** The templates of a key. */
function templatesOf(spec: Written, key: (typeof TEMPLATED)[number]): Templates {
  switch (key) {
    case 'command':
      return items('command', spec.command);
    case 'env':
      return entries('env', spec.env);
    case 'envFile':
      return spec.envFile === null ? [] : [['envFile', spec.envFile]];
    case 'cwd':
      return [['cwd', spec.cwd]];
    case 'start':
      return items('start.before', spec.start.before ?? []);
    case 'prepare':
      return items('prepare', spec.prepare ?? []);
    case 'ready':
      return checkTemplates('ready', spec.ready);
    case 'health':
      return checkTemplates('health.check', spec.health?.check ?? null);
    case 'reload':
      return spec.reload !== null && 'exec' in spec.reload ? items('reload.exec', spec.reload.exec) : [];
    case 'sandbox':
      return items('sandbox.writable', spec.sandbox?.writable ?? []);
    case 'pidFile':
      return spec.pidFile === null ? [] : [['pidFile', spec.pidFile]];
    case 'stop':
      return items('stop.command', spec.stop.command ?? []);
  }
}

function checkTemplates(path: string, check: WrittenCheck): Templates {
  if (check?.kind === 'exec') return items(below(path, 'exec'), check.argv);
  return check?.kind === 'http' ? entries(below(path, 'headers'), check.headers) : [];
}

function items(path: string, argv: readonly string[]): Templates {
  return argv.map((template, i) => [below(path, i), template]);
}

function entries(path: string, values: Readonly<Record<string, string>>): Templates {
  return Object.entries(values).map(([name, value]) => [below(path, name), value]);
}

/** A placeholder without a value would be filled in with nothing. */
function placeholdersHaveValues(key: (typeof TEMPLATED)[number]): Rule {
  return {
    about: [key, 'ports', 'addresses', 'labels'],
    problems: (spec) =>
      templatesOf(spec, key).flatMap(([path, template]) =>
        placeholdersIn(template).flatMap((placeholder) => {
          const text = missingValue(placeholder, spec);
          return text === null ? [] : [{ path, text }];
        }),
      ),
  };
}

function missingValue({ name, key }: Placeholder, spec: Written): string | null {
  const { ports, addresses } = spec;
  if (name === 'label') return missingLabel(key!, spec.labels ?? {});
  if (name === 'address') return addresses ? null : 'uses {address}, which needs addresses: { base: … }';
  if (name !== 'port') return null;
  if (ports === null)
    return `uses {${key === null ? name : `${name}.${key}`}}, which needs ports: { base: … }`;
  const names = ports.names ?? [];
  if (key === null || names.includes(key)) return null;
  const known = names.length === 0 ? 'ports.names is not written' : `ports.names are ${names.join(', ')}`;
  return `uses {port.${key}}, and ${known}`;
}

function missingLabel(key: string, labels: Readonly<Record<string, string>>): string | null {
  if (Object.hasOwn(labels, key)) return null;
  const known = Object.keys(labels);
  const meant = nearest(key, known);
  const hint = meant === null ? '' : `; did you mean {label.${meant}}?`;
  const there = known.length === 0 ? 'none' : known.join(', ');
  return `uses {label.${key}}, which labels does not have${hint} (labels: ${there})`;
}

type WrittenCheck = Check | { kind: null } | null;

function checkHasItsPort(
  path: string,
  check: WrittenCheck,
  spec: Pick<Written, 'ports' | 'command'>,
): Problem[] {
  if (check?.kind === 'http') return answersHttp(below(path, 'http'), spec);
  if (spec.ports !== null || (check?.kind !== 'tcp' && check?.kind !== 'udp')) return [];
  return [{ path: below(path, check.kind), text: 'needs ports: { base: … }' }];
}

/** HTTP is spoken on the port, or on the socket if there is none. */
function answersHttp(path: string, { ports, command }: Pick<Written, 'ports' | 'command'>): Problem[] {
  if (ports !== null || uses(command, 'socket')) return [];
  return [{ path, text: 'needs ports: { base: … }, or {socket} in the command' }];
}

function portsAreComplete({ ports, addresses }: Written): Problem[] {
  if (ports === null) return [];
  const { base, same, perAgent, names } = ports;
  if (same === null) {
    if (base === null)
      return [
        {
          path: 'ports.base',
          text: 'expected a whole number from 1 to 65535, found nothing; base or same is required',
        },
      ];
    if (names === null) return [];
    const double = names.find((name, i) => names.indexOf(name) !== i);
    if (double !== undefined) return [{ path: 'ports.names', text: `${double} is there twice` }];
    if (names.length === 0) return [{ path: 'ports.names', text: 'expected at least one name' }];
    if (perAgent === null || perAgent === names.length) return [];
    return [
      { path: 'ports.perAgent', text: `expected ${names.length}, the number of names, found ${perAgent}` },
    ];
  }
  const excluded = Object.entries({ base, perAgent, names }).find(([, value]) => value !== null);
  if (excluded) return [{ path: below('ports', excluded[0]), text: 'cannot be written next to ports.same' }];
  return addresses ? [] : [{ path: 'ports.same', text: 'needs addresses: { base: … }' }];
}

function portsProblem(ports: Written['ports'], slot: number): string | null {
  if (ports === null || ports.base === null) return null;
  const perAgent = ports.perAgent ?? ports.names?.length ?? 1;
  return portProblem({ base: ports.base, same: false, perAgent }, slot);
}
