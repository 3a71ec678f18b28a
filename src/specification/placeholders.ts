import { FleetError } from '../errors/fleet-error.ts';
import { nearest, show } from './problems.ts';

/** Placeholders with a key, written `{family.KEY}`, and their meaning; which keys there are, the spec says. */
export const FAMILIES = {
  label: 'the value of the label KEY (labels)',
} as const;

export type Family = keyof typeof FAMILIES;

/** The values of the placeholders for one slot. */
export interface Placeholders extends Partial<Record<Family, Readonly<Record<string, string>>>> {
  slot: number;
  /** Null without `ports`; a spec whose templates use it is refused then. */
  port: number | null;
  socket: string;
  dir: string;
  fleet: string;
  release: string;
}

/** Every placeholder without a key, and its meaning. */
export const PLACEHOLDERS: Readonly<Record<Exclude<keyof Placeholders, Family>, string>> = {
  slot: 'the number of the slot, from 0',
  port: 'the first port of the slot',
  socket: 'the path of the Unix socket that the agent may listen on',
  dir: 'the state directory of the slot, which is also the working directory',
  fleet: 'the name of the fleet',
  release: 'the release that the agent runs',
};

type Name = keyof typeof PLACEHOLDERS;
/** A part of a template: literal text, the name of a placeholder, or a family and a key of it. */
type Part = { text: string } | { name: Name } | { family: Family; key: string };

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
export function uses(templates: readonly string[], name: Name): boolean {
  return templates.some((template) => {
    const parts = parse(template);
    return typeof parts !== 'string' && parts.some((part) => 'name' in part && part.name === name);
  });
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
    for (const part of parts) text += textOf(part, values);
    return text;
  };
}

/** Returns the keys of a family that the templates use. Invalid templates have none. */
export function keysUsed(templates: readonly string[], family: Family): string[] {
  const keys = templates.flatMap((template) => {
    const parts = parse(template);
    if (typeof parts === 'string') return [];
    return parts.flatMap((part) => ('family' in part && part.family === family ? part.key : []));
  });
  return [...new Set(keys)];
}

/** Writes the values of a family into a template; its other placeholders stay, and so does an invalid template. */
export function settle(template: string, family: Family, values: Readonly<Record<string, string>>): string {
  const parts = parse(template);
  if (typeof parts === 'string') return template;
  const escaped = (text: string) => text.replace(/[{}]/g, '$&$&');
  const written = parts.map((part) => {
    if ('text' in part) return escaped(part.text);
    if ('name' in part) return `{${part.name}}`;
    return part.family === family ? escaped(values[part.key] ?? '') : `{${part.family}.${part.key}}`;
  });
  return written.join('');
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
    const [found, name] = token;
    if (token.index > end) parts.push({ text: template.slice(end, token.index) });
    end = token.index + found.length;
    if (found === '{{' || found === '}}') parts.push({ text: found[0]! });
    else if (name === undefined) return `unmatched ${found}; write ${found}${found} for a literal brace`;
    else if (isName(name)) parts.push({ name });
    else {
      const keyed = keyedPart(name);
      if (keyed === null) return unknown(name);
      parts.push(keyed);
    }
  }
  if (end < template.length) parts.push({ text: template.slice(end) });
  return parts;
}

function isName(name: string): name is Name {
  return Object.hasOwn(PLACEHOLDERS, name);
}

/** Returns `family.KEY` in its parts; null if there is no such family, or no key. */
function keyedPart(name: string): { family: Family; key: string } | null {
  const dot = name.indexOf('.');
  const family = name.slice(0, Math.max(0, dot));
  const key = name.slice(dot + 1);
  return Object.hasOwn(FAMILIES, family) && key !== '' ? { family: family as Family, key } : null;
}

function textOf(part: Part, values: Placeholders): string | number {
  if ('text' in part) return part.text;
  return ('name' in part ? values[part.name] : values[part.family]?.[part.key]) ?? '';
}

function unknown(name: string): string {
  const known = [...Object.keys(PLACEHOLDERS), ...Object.keys(FAMILIES).map((family) => `${family}.KEY`)];
  const meant = nearest(name, known);
  return (
    `unknown placeholder ${show(`{${name}}`)}${meant === null ? '' : `; did you mean {${meant}}?`}` +
    ` (known: ${known.map((each) => `{${each}}`).join(' ')}; {{ and }} are literal braces)`
  );
}
