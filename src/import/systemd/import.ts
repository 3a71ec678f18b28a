import { parseDuration, parseSize } from '../../specification/units.ts';
import { Draft, type Imported } from '../draft.ts';
import type { SourceFile, World } from '../input.ts';
import { refusal } from '../problem.ts';
import { baseName } from '../values.ts';
import { serviceRule } from './rules.ts';
import type { Instances, Service } from './service.ts';
import { readUnit, type UnitDirective } from './unit.ts';

/** What systemd does where nothing is written, and fleetd would do otherwise. */
const DEFAULTS: Readonly<Record<string, string>> = {
  Type: 'simple',
  Restart: 'no',
  RestartSec: '100ms',
  KillMode: 'control-group',
  TimeoutStartSec: '90s',
  TimeoutStopSec: '90s',
  WorkingDirectory: '/',
};
const PORT_MIN = 1_024;
const PORT_MAX = 65_535;
const SHOWN_MAX = 5;

/** What lies around a unit file. */
export interface Surroundings {
  /** Enabled instances of a template, as the links in *.wants name them. */
  instances: readonly string[];
  /** Drop-ins of the unit, which are not read. */
  dropIns: readonly string[];
}

/**
 * Translates a service unit, or a template of one.
 * @throws FleetError IMPORT_INVALID with file and line
 */
export function importUnit(source: SourceFile, world: World, around: Surroundings): Imported {
  const { file } = source;
  const directives = readUnit(source);
  const start = directives.find(({ section, name }) => section === 'Service' && name === 'ExecStart');
  if (start === undefined) throw refusal({ file, line: 1 }, 'there is no [Service] with an ExecStart= in it');
  const unit = baseName(file).replace(/\.service$/, '');
  const [prefix, instance] = unit.split('@') as [string, string?];
  const draft = new Draft(prefix, { ...start, name: '[Service]' }, new Set());
  const service = serviceOf({ draft, world, directives, unit, around });
  takeOver(service, start);
  raiseMaxima(draft);
  if (instance === '') tellInstances(service, around.instances);
  else draft.set('target', 1);
  if (draft.get('target') === 1) {
    draft.set('restart.storm', 'off', 'The storm breaker is for fleets of many agents.');
  }
  const dropIns = around.dropIns.map((dropIn) => ({
    file: dropIn,
    line: 1,
    directive: 'drop-in',
    reason: 'drop-ins are not read; write what it changes into the fleet file',
  }));
  return { fleets: [draft], unsupported: dropIns };
}

function serviceOf(
  parts: Pick<Service, 'draft' | 'world' | 'directives' | 'unit'> & { around: Surroundings },
): Service {
  const { directives, around, ...rest } = parts;
  const all = (wanted: string) =>
    directives.filter(({ section, name }) => section === 'Service' && name === wanted);
  return {
    ...rest,
    directives,
    instances: kindOf(around.instances),
    all,
    value: (name) => all(name).at(-1)?.value,
  };
}

/** Applies the rule of each name once, to all its directives. */
function takeOver(service: Service, start: UnitDirective): void {
  const { draft, directives } = service;
  const names = new Map<string, UnitDirective[]>();
  const add = (directive: UnitDirective) => {
    const key = `${directive.section} ${directive.name}`;
    names.set(key, [...(names.get(key) ?? []), directive]);
  };
  for (const [name, value] of Object.entries(DEFAULTS)) {
    const isCovered =
      service.value(name) !== undefined ||
      (name.startsWith('Timeout') && service.value('TimeoutSec') !== undefined);
    if (!isCovered) add({ ...start, name, value });
  }
  for (const directive of directives) add(directive);
  for (const all of names.values()) {
    const rule = serviceRule(all[0]!.section, all[0]!.name);
    if (typeof rule === 'function') rule(all, service);
    else for (const directive of all) draft.lack(directive, rule);
  }
}

/** Consecutive ports stay ports; everything else is numbered. */
function kindOf(instances: readonly string[]): Instances {
  const numbers = consecutive(instances);
  const isPorts = numbers !== null && numbers[0]! >= PORT_MIN && numbers.at(-1)! <= PORT_MAX;
  return isPorts ? { kind: 'ports', base: numbers[0]! } : { kind: 'slots' };
}

/** The instances as numbers without gaps, in their order; null if they are anything else. */
function consecutive(instances: readonly string[]): number[] | null {
  if (instances.length === 0 || instances.some((each) => !/^(0|[1-9]\d{0,5})$/.test(each))) return null;
  const numbers = instances.map(Number).sort((a, b) => a - b);
  return numbers.every((each, at) => each === numbers[0]! + at) ? numbers : null;
}

/** Sets the target of a template, and says what its instances have become. */
function tellInstances({ draft, instances, directives }: Service, names: readonly string[]): void {
  draft.set('target', Math.max(names.length, 1));
  if (names.length === 0)
    draft.note('target', 'No instance is enabled next to the template. Set the number of instances.');
  if (instances.kind === 'ports') {
    draft.set('ports', { base: instances.base }, `The instances are the ports from ${instances.base} on.`);
    return;
  }
  const uses = directives.find(
    ({ section, value }) => section === 'Service' && /(^|[^%])(%%)*%[iInNf]/.test(value),
  );
  if (uses === undefined || consecutive(names)?.[0] === 0) return;
  const shown = names.length > SHOWN_MAX ? [...names.slice(0, SHOWN_MAX), '…'] : names;
  const are = names.length === 0 ? '' : `, here ${shown.join(' ')}`;
  draft.lack({ ...uses, value: '' }, `%i was the name of an instance${are}; {slot} counts from 0`);
}

/** systemd has no order between a pause and its maximum, or between MemoryLow= and MemoryMax=; a spec has. */
function raiseMaxima(draft: Draft): void {
  const { min, max } = (draft.get('restart.backoff') ?? {}) as { min?: string; max?: string };
  if (max !== undefined && parseDuration(min)! > parseDuration(max)!) draft.set('restart.backoff.max', min);
  const { request, limit } = (draft.get('resources.memory') ?? {}) as { request?: string; limit?: string };
  if (request === undefined || limit === undefined) return;
  if (parseSize(request)! > parseSize(limit)!) draft.set('resources.memory.request', limit);
}
