import type { CodeRange, Spec } from './spec.ts';
import { flow } from './template.ts';
import { isMapping } from './types.ts';
import { formatDuration, formatExactSize } from './units.ts';

/** A key that differs between two specs: its values as a spec file has them, on one line; null where it is absent. */
export interface SpecChange {
  path: string;
  from: string | null;
  to: string | null;
}

/** Returns the keys that differ between the spec in force and another one, in the order of the keys. */
export function differences(before: Spec | null, after: Spec): SpecChange[] {
  const from = before === null ? new Map<string, string>() : writtenValues(before);
  const to = writtenValues(after);
  const paths = new Set([...to.keys(), ...from.keys()]);
  return [...paths]
    .map((path) => ({ path, from: from.get(path) ?? null, to: to.get(path) ?? null }))
    .filter((change) => change.from !== change.to);
}

/** How a spec file writes values whose keys have these endings in a parsed spec. */
const UNITS: readonly (readonly [ending: string, write: (value: number) => string])[] = [
  ['Ms', formatDuration],
  ['BytesPerHour', (bytes) => `${formatExactSize(bytes)}/h`],
  ['Bytes', formatExactSize],
  ['Percent', (percent) => `${percent}%`],
];

/** The values of a spec by path, with its defaults, as a spec file has them. */
function writtenValues(spec: Spec): Map<string, string> {
  const values = new Map<string, string>();
  for (const [key, value] of Object.entries({ ...spec, ports: portsOf(spec) })) addValues(key, value, values);
  // Absent means its default, so what turns it off is written.
  if (spec.restart.storm === null) values.set('restart.storm', 'off');
  return values;
}

function addValues(path: string, value: unknown, values: Map<string, string>): void {
  if (value === null || value === undefined) return;
  const unit = typeof value === 'number' ? UNITS.find(([ending]) => path.endsWith(ending)) : undefined;
  if (unit) values.set(path.slice(0, -unit[0].length), unit[1](value as number));
  else if (!isMapping(value)) values.set(path, flow(value));
  else if (isOnly(value, 'count')) values.set(path, flow(value.count));
  else if (isOnly(value, 'percent')) values.set(path, `${value.percent}%`);
  else {
    const { kind, ...rest } = value;
    const check = typeof kind === 'string' ? checkOf(kind, rest) : rest;
    for (const [key, inner] of Object.entries(check)) addValues(`${path}.${key}`, inner, values);
  }
}

/** A share of the fleet is one number, of agents or percent. */
function isOnly(value: Record<string, unknown>, key: string): boolean {
  return key in value && Object.keys(value).length === 1;
}

/** Ports as a spec file has them: the port of all agents is the key `same`. */
function portsOf({ ports }: Spec): object | null {
  if (ports === null) return null;
  const { same, base, ...rest } = ports;
  return same ? { same: base, ...rest } : { base, ...rest };
}

/** A check as a spec file has it: its kind is a key, whose value is its path, its command or its time. */
function checkOf(kind: string, { path, argv, afterMs, status, ...rest }: Record<string, unknown>): object {
  if (afterMs !== undefined) return { afterMs, ...rest };
  const codes = status === undefined ? {} : { status: rangesOf(status as CodeRange[]) };
  return { [kind]: path ?? argv ?? true, ...codes, ...rest };
}

function rangesOf(ranges: readonly CodeRange[]): string {
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}
