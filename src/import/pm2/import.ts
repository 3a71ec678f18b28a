import { type Directive, Draft, type Imported, type Unsupported } from '../draft.ts';
import type { World } from '../input.ts';
import { refusal } from '../problem.ts';
import { baseName } from '../values.ts';
import type { App } from './app.ts';
import { setCommand } from './command.ts';
import { appsIn, type Ecosystem, isObject } from './document.ts';
import { setEnvironment } from './environment.ts';
import { ALIASES, APP_RULES } from './rules.ts';

/** What pm2 does where nothing is written, and fleetd would do otherwise. */
const STOP = { signal: 'SIGINT', to: 'all', grace: '1600ms' };
const READY = { after: '1s' };
const DEPLOY = 'fleetd deploys nothing; what puts files in place calls fleetctl rolling-update';

/**
 * Translates an ecosystem file.
 * @param environment the NAME of `pm2 start --env NAME`, whose env_NAME is taken over; null for none
 * @throws FleetError IMPORT_INVALID with file and line
 */
export function importEcosystem(ecosystem: Ecosystem, world: World, environment: string | null): Imported {
  const { file, value, lineOf } = ecosystem;
  const apps = appsIn(value);
  const hasList = isObject(value) && 'apps' in value;
  const taken = new Set<string>();
  const list = isObject(value) && hasList ? value.apps : value;
  const wrong = Array.isArray(list) ? list.findIndex((each) => !isObject(each)) : -1;
  if (wrong >= 0) {
    const path = hasList ? ['apps', wrong] : [wrong];
    throw refusal({ file, line: lineOf(path) }, `apps[${wrong}] is no mapping`);
  }
  if (apps.length === 0) throw refusal({ file, line: 1 }, 'there is no app in it');
  const odd = unusable(value, []);
  if (odd !== null)
    throw refusal({ file, line: lineOf(odd) }, 'it has text with NUL bytes or half characters');
  const fleets = apps.map((app, at) => {
    const path = hasList ? ['apps', at] : [at];
    return draftOf(app, at, {
      world,
      environment,
      taken,
      file,
      lineOf: (keys) => lineOf([...path, ...keys]),
    });
  });
  const others = hasList ? Object.keys(value).filter((key) => key !== 'apps') : [];
  const unsupported: Unsupported[] = others.map((key) => ({
    file,
    line: lineOf([key]),
    directive: key,
    reason: key === 'deploy' ? DEPLOY : 'fleetctl knows no such key of an ecosystem file',
  }));
  for (const { path, what } of ecosystem.strange) {
    const keys = path.split('.').map((key) => (/^\d+$/.test(key) ? Number(key) : key));
    unsupported.push({
      file,
      line: lineOf(keys),
      directive: path,
      reason: `${what} is no data, and is left out`,
    });
  }
  return { fleets, unsupported };
}

interface Around {
  world: World;
  environment: string | null;
  taken: Set<string>;
  file: string;
  /** The line of a value of the app. */
  lineOf: (keys: readonly string[]) => number;
}

function draftOf(written: Readonly<Record<string, unknown>>, at: number, around: Around): Draft {
  const { file, lineOf, environment, world } = around;
  const origin = { file, line: lineOf([]), name: `apps[${at}]`, value: '' };
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(written)) if (value !== null) values[ALIASES[key] ?? key] = value;
  if (typeof values.script !== 'string' || values.script.trim() === '')
    throw refusal(origin, `apps[${at}] has no script`);
  const name =
    values.name !== undefined ? String(values.name) : baseName(values.script).replace(/\.\w+$/, '');
  const draft = new Draft(name, origin, around.taken);
  const app: App = {
    draft,
    world,
    values,
    environment,
    instances: instancesOf(values, world),
    directive: (key) => directiveOf(written, key, around),
  };
  draft.set('target', app.instances);
  draft.set('ready', { ...READY });
  draft.note('ready', 'A real check is better: tcp, socket, http, exec or notify.');
  draft.set('stop', { ...STOP });
  setCommand(app);
  setEnvironment(app);
  for (const key of Object.keys(written)) if (written[key] !== null) takeOver(key, app);
  if (app.instances === 1)
    draft.set('restart.storm', 'off', 'The storm breaker is for fleets of many agents.');
  return draft;
}

function takeOver(written: string, app: App): void {
  const key = ALIASES[written] ?? written;
  const directive = { ...app.directive(key), name: written };
  const rule = Object.hasOwn(APP_RULES, key) ? APP_RULES[key] : undefined;
  if (typeof rule === 'function') {
    rule(app.values[key], app, directive);
    return;
  }
  const [, environment] = /^env_(\w+)$/.exec(key) ?? [];
  if (environment !== undefined && environment === app.environment) return;
  const reason =
    environment === undefined
      ? (rule ?? 'fleetctl knows no such property of an app')
      : `it is the environment of --env ${environment}; fleetctl import --env ${environment} takes it over`;
  app.draft.lack(directive, reason);
}

function directiveOf(
  written: Readonly<Record<string, unknown>>,
  key: string,
  { file, lineOf }: Around,
): Directive {
  const name = key in written ? key : (Object.keys(written).find((each) => ALIASES[each] === key) ?? key);
  const value = written[name];
  return {
    file,
    line: lineOf([name]),
    name,
    value: typeof value === 'string' ? value : (JSON.stringify(value) ?? ''),
  };
}

/** How many agents: a number, or `max`, 0 and negative ones, which count from the processors. */
function instancesOf({ instances }: Readonly<Record<string, unknown>>, { processors }: World): number {
  if (instances === undefined) return 1;
  const count = Number(instances);
  if (Number.isInteger(count) && count > 0) return count;
  return Math.max(processors + (Number.isInteger(count) ? count : 0), 1);
}

/** Where a value has text that no command and no variable can have; null if all can be used. */
function unusable(value: unknown, path: readonly (string | number)[]): readonly (string | number)[] | null {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed() ? path : null;
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, each] of Object.entries(value)) {
    const found = unusable(each, [...path, Array.isArray(value) ? Number(key) : key]);
    if (found !== null) return found;
  }
  return null;
}
