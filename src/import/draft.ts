import { FLEET } from '../specification/fields.ts';
import { type Field, fieldsOf } from '../specification/group.ts';
import type { Problem } from '../specification/problems.ts';
import type { Type } from '../specification/types.ts';
import { fleetName } from './names.ts';

/** Where something stands in the files that are imported. */
export interface Place {
  /** As the user named it. */
  file: string;
  /** From 1. */
  line: number;
}

/** One setting of the other supervisor, as written. */
export interface Directive extends Place {
  name: string;
  value: string;
}

/** A directive that has no equivalent, or only nearly one, and why. */
export interface Unsupported extends Place {
  directive: string;
  reason: string;
}

/** What an import found: fleets, and what concerns none of them. */
export interface Imported {
  fleets: Draft[];
  unsupported: Unsupported[];
}

/** A place of a mapping: `restart.backoff.min`. */
type KeyPath = string;

/** A fleet file while it is being made: a spec as a document, its comments, and what it could not take over. */
export class Draft {
  readonly spec: Record<string, unknown> = {};
  /** Comments above a key, by its path; those of the whole file by the empty one. */
  readonly comments = new Map<KeyPath, string[]>();
  readonly unsupported: (Unsupported & { value: string })[] = [];

  /**
   * @param name what the other supervisor calls it; the fleet's name if it is valid as one
   * @param origin where it is described; `directive` is how to refer to it
   * @param taken names of other fleets; this one's is added
   */
  constructor(name: string, origin: Directive, taken: Set<string>) {
    this.spec.name = fleetName(name, taken);
    this.note('', `From ${origin.name} in ${origin.file}, line ${origin.line}.`);
    if (this.spec.name !== name) {
      this.lack(
        { ...origin, value: '' },
        `"${name}" is no valid or no free name of a fleet; this one is named ${this.name}`,
      );
    }
  }

  get name(): string {
    return this.spec.name as string;
  }

  /** Sets a key, with a comment above it if there is something to say. */
  set(path: KeyPath, value: unknown, note?: string): void {
    const keys = path.split('.');
    let at = this.spec;
    for (const key of keys.slice(0, -1)) at = at[key] = (at[key] ?? {}) as Record<string, unknown>;
    at[keys.at(-1)!] = value;
    if (note !== undefined) this.note(path, note);
  }

  /** Sets a key to what a directive says, unless a spec cannot have that: then the directive is a finding. */
  take(directive: Directive, path: KeyPath, value: unknown, note?: string): void {
    const problem = valueProblem(path, value);
    if (problem === null) this.set(path, value, note);
    else this.lack(directive, problem);
  }

  /** The value of a key; undefined if it is not set. */
  get(path: KeyPath): unknown {
    return path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], this.spec);
  }

  /** Adds to the environment of the agents. @param variables values as templates */
  addEnv(variables: Readonly<Record<string, string>>): void {
    this.spec.env = { ...(this.spec.env as object), ...variables };
  }

  /** Adds a comment above a key that is or will be set. */
  note(path: KeyPath, text: string): void {
    const notes = this.comments.get(path) ?? [];
    if (!notes.includes(text)) this.comments.set(path, [...notes, text]);
  }

  /** Records that a directive is not, or not quite, taken over. */
  lack({ file, line, name, value }: Directive, reason: string): void {
    this.unsupported.push({ file, line, directive: name, reason, value });
  }
}

/** What the field table has against a value of a key, in words; null if nothing, or if it does not know the key. */
function valueProblem(path: KeyPath, value: unknown): string | null {
  let type: Type = FLEET;
  for (const key of path.split('.')) {
    const field: Field | undefined = fieldsOf(type)?.[key];
    if (field === undefined) return null;
    type = field.type;
  }
  const problems: Problem[] = [];
  type.read(value, path, problems);
  return problems.length === 0 ? null : `${problems[0]!.path}: ${problems[0]!.text}`;
}

/** What takes one directive over; or why nothing can. */
export type Rule<Context> = string | ((directive: Directive, context: Context) => void);

/** All directives of one kind of section: the one place that says what becomes of each. */
export type Rules<Context> = Readonly<Record<string, Rule<Context>>>;

/** Finds the rule of a directive. @returns undefined for one that the table does not know */
export function ruleOf<Context>(rules: Rules<Context>, name: string): Rule<Context> | undefined {
  return Object.hasOwn(rules, name) ? rules[name] : undefined;
}

/** Every finding of an import, in the order of the files. */
export function allUnsupported({ fleets, unsupported }: Imported): Unsupported[] {
  const all = [...fleets.flatMap((fleet) => fleet.unsupported), ...unsupported];
  const files = [...new Set(all.map(({ file }) => file))];
  return all
    .map(({ file, line, directive, reason }) => ({ file, line, directive, reason }))
    .sort((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line);
}
