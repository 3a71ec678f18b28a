import type { Directive, Draft } from '../draft.ts';
import type { World } from '../input.ts';
import type { UnitDirective } from './unit.ts';

/** What the instances of a template become. */
export type Instances =
  /** Instance i is slot i. */
  | { kind: 'slots' }
  /** Instance base + i is the port of slot i. */
  | { kind: 'ports'; base: number };

/** A service unit, and what it is translated with. */
export interface Service {
  draft: Draft;
  world: World;
  /** The name of the unit without its ending: `web`, or `web@` of a template. */
  unit: string;
  instances: Instances;
  directives: readonly UnitDirective[];
  /** All directives of a name in [Service], in their order. */
  all: (name: string) => UnitDirective[];
  /** The value that counts of a directive with one value: the last one. */
  value: (name: string) => string | undefined;
}

/** What takes over all directives of one name; or why nothing can. */
export type ServiceRule = string | ((directives: UnitDirective[], service: Service) => void);
export type ServiceRules = Readonly<Record<string, ServiceRule>>;

/** A rule for a directive of which the last one counts. */
export function single(take: (directive: UnitDirective, service: Service) => void): ServiceRule {
  return (directives, service) => take(directives.at(-1)!, service);
}

/** A boolean of systemd; null for anything else. */
export function boolean(value: string): boolean | null {
  const word = value.toLowerCase();
  if (['1', 'yes', 'y', 'true', 't', 'on'].includes(word)) return true;
  return ['0', 'no', 'n', 'false', 'f', 'off'].includes(word) ? false : null;
}

/** systemd.time(7), in seconds. */
const TIME_UNITS: readonly [RegExp, number][] = [
  [/^(us|usec|µs|μs)$/, 1e-6],
  [/^(ms|msec)$/, 1e-3],
  [/^(|s|sec|seconds?)$/, 1],
  [/^(m|min|minutes?)$/, 60],
  [/^(h|hr|hours?)$/, 3_600],
  [/^(d|days?)$/, 86_400],
  [/^(w|weeks?)$/, 604_800],
];

/** A time span in seconds: `90`, `5min 20s`, `100ms`; Infinity for `infinity`; null for anything else. */
export function timeSpan(value: string): number | null {
  if (value === 'infinity') return Number.POSITIVE_INFINITY;
  const parts = [...value.matchAll(/\s*(\d+(?:\.\d+)?)\s*([a-zµμ]*)\s*/gy)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== value) return null;
  let seconds = 0;
  for (const [, count, name] of parts) {
    const unit = TIME_UNITS.find(([names]) => names.test(name!));
    if (unit === undefined) return null;
    seconds += Number(count) * unit[1];
  }
  return seconds;
}

/** The longest time that a spec takes, for what systemd never ends. */
const FOREVER_SECONDS = 3_650 * 86_400;

/** Reads a time span, or reports it and returns null. Zero and infinity both mean that nothing ends it. */
export function seconds(directive: Directive, { draft }: Service): number | null {
  const span = timeSpan(directive.value);
  if (span === null) draft.lack(directive, 'not a time span');
  return span === null ? null : Math.min(span === 0 ? FOREVER_SECONDS : span, FOREVER_SECONDS);
}

/** Bytes with K, M, G, T of 1,024; Infinity for `infinity`; null for anything else, a percentage among it. */
export function byteCount(value: string): number | null {
  if (value === 'infinity') return Number.POSITIVE_INFINITY;
  const found = /^(\d{1,15})\s*([KMGT]?)B?$/.exec(value);
  return found === null ? null : Number(found[1]) * 1024 ** ['', 'K', 'M', 'G', 'T'].indexOf(found[2]!);
}
