import { FleetError } from '../errors/fleet-error.ts';
import { nearest, show } from './problems.ts';

/** The values of the placeholders for one slot. */
export interface Placeholders {
  slot: number;
  /** The first port; null without `ports`: a spec whose templates use it is refused then. */
  port: number | null;
  /** The named ports, by `ports.names`. */
  ports: Readonly<Record<string, number>>;
  /** Null without `addresses`. */
  address: string | null;
  socket: string;
  dir: string;
  fleet: string;
  release: string;
}

/** Every placeholder and its meaning. */
export const PLACEHOLDERS = {
  slot: 'the number of the slot, from 0; {slot:05} has at least five digits',
  port: 'the first port of the slot',
  'port.NAME': 'the port of that name (`ports.names`)',
  address: 'the address of the slot (`addresses`)',
  socket: 'the path of the Unix socket that the agent may listen on',
  dir: 'the state directory of the slot, which is also the default working directory',
  fleet: 'the name of the fleet',
  release: 'the release that the agent runs',
} as const;

type Plain = Exclude<keyof typeof PLACEHOLDERS, `${string}.${string}`>;
/** A part of a template: literal text, or a placeholder. */
type Part = { text: string } | Placeholder;

/** A placeholder as written: `{port}`, `{port.metrics}` (with a key), `{slot:05}` (with a width). */
export interface Placeholder {
  name: Plain;
  /** The word after the dot; null if there is none. */
  key: string | null;
  /** The minimum number of digits. */
  width: number;
}

const WRITTEN = /^([a-z]+)(?:\.([^{}:]+))?(?::0([1-9]))?$/;
const TOKEN = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;
/** The maximum number of compiled templates that are kept. Specs have few; a supervisor sees new specs for years. */
const COMPILED_MAX = 4_096;
const compiled = new Map<string, (values: Placeholders) => string>();

/** Describes the problem of a template's braces; null if there is none. */
export function placeholderProblem(template: string): string | null {
  const parts = parse(template);
  return typeof parts === 'string' ? parts : null;
}

/** Tells whether one of the templates has the placeholder `name`. Invalid templates have none. */
export function uses(templates: readonly string[], name: Plain): boolean {
  return templates.some((template) => placeholdersIn(template).some((each) => each.name === name));
}

/** Returns the placeholders of a template; none for an invalid one. */
export function placeholdersIn(template: string): Placeholder[] {
  const parts = parse(template);
  return typeof parts === 'string' ? [] : parts.filter((part) => 'name' in part);
}

/** Returns the function that fills in a template. @throws FleetError SPEC_INVALID for an invalid template */
export function compile(template: string): (values: Placeholders) => string {
  const parts = parse(template);
  if (typeof parts === 'string')
    throw new FleetError('SPEC_INVALID', `${JSON.stringify(template)}: ${parts}`);
  if (parts.every((part) => 'text' in part)) {
    const text = parts.map((part) => part.text).join('');
    return () => text;
  }
  return (values) => {
    let text = '';
    for (const part of parts) text += 'text' in part ? part.text : fillIn(part, values);
    return text;
  };
}

function fillIn({ name, key, width }: Placeholder, values: Placeholders): string {
  const value = key === null ? values[name] : values.ports[key];
  return String(value ?? '').padStart(width, '0');
}

/** Fills in a template for one slot. @throws FleetError SPEC_INVALID for an invalid template */
export function expand(template: string, values: Placeholders): string {
  let fill = compiled.get(template);
  if (fill === undefined) {
    fill = compile(template);
    if (compiled.size >= COMPILED_MAX) compiled.clear();
    compiled.set(template, fill);
  }
  return fill(values);
}

/** Returns the text of a template without placeholders; null if it has one, or is invalid. */
export function literal(template: string): string | null {
  const parts = parse(template);
  if (typeof parts === 'string') return null;
  return parts.every((part) => 'text' in part) ? parts.map((part) => part.text).join('') : null;
}

/** Returns the parts of a template, or a description of its problem. */
function parse(template: string): Part[] | string {
  const parts: Part[] = [];
  let end = 0;
  for (const token of template.matchAll(TOKEN)) {
    const [found, inside] = token;
    if (token.index > end) parts.push({ text: template.slice(end, token.index) });
    end = token.index + found.length;
    if (found === '{{' || found === '}}') parts.push({ text: found[0]! });
    else if (inside === undefined) return `unmatched ${found}; write ${found}${found} for a literal brace`;
    else {
      const placeholder = parsePlaceholder(inside);
      if (placeholder === null) return unknown(inside);
      parts.push(placeholder);
    }
  }
  if (end < template.length) parts.push({ text: template.slice(end) });
  return parts;
}

/** Only ports have names, and only slots a width. */
function parsePlaceholder(written: string): Placeholder | null {
  const [, name = '', key = null, width] = WRITTEN.exec(written) ?? [];
  if (!isPlain(name) || (key !== null && name !== 'port')) return null;
  if (width !== undefined && name !== 'slot') return null;
  return { name, key, width: Number(width ?? 0) };
}

function isPlain(name: string): name is Plain {
  return Object.hasOwn(PLACEHOLDERS, name);
}

function unknown(name: string): string {
  const known = Object.keys(PLACEHOLDERS);
  const meant = nearest(name, known);
  return (
    `unknown placeholder ${show(`{${name}}`)}${meant === null ? '' : `; did you mean {${meant}}?`}` +
    ` (known: ${known.map((each) => `{${each}}`).join(' ')}; {{ and }} are literal braces)`
  );
}
