import { FLEET } from './fields.ts';
import { type Field, walk } from './group.ts';
import { isMapping } from './types.ts';

/** A flag of `fleetctl spawn` that sets a key of the spec. */
export interface SpecFlag {
  /** In commander's notation: `--port-base <port>`. */
  flags: string;
  help: string;
  /** The key's path: `ports.base`. */
  path: string;
  /** The name of the value in commander's options: `portBase`. */
  attribute: string;
  /** May be given several times; the value is a list then. */
  repeat: boolean;
}

const FLAGGED = [...walk(FLEET.fields)].filter(({ field }) => field.flag !== undefined);

/** Every flag that sets a key of the spec. */
export const SPEC_FLAGS: readonly SpecFlag[] = FLAGGED.map(({ path, field }) => ({
  flags: field.flag!,
  help: field.help,
  path,
  attribute: attributeOf(field),
  repeat: field.repeat === true,
}));

/**
 * Makes a document for parseSpec from the values of the flags, by attribute as commander collects them, and the command
 * after `--`. The name defaults to that of the command.
 */
export function specFromFlags(
  values: Readonly<Record<string, unknown>>,
  command: readonly string[],
): unknown {
  const document: Record<string, unknown> = {
    name: nameFromCommand(command[0] ?? ''),
    command: [...command],
  };
  for (const { path, field } of FLAGGED) {
    const value = values[attributeOf(field)];
    if (value !== undefined) put(document, path.split('.'), documentValue(field, value));
  }
  return document;
}

/** Returns the name of a program, changed to match the pattern of a fleet's name. */
export function nameFromCommand(program: string): string {
  const name = program
    .slice(program.lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 31)
    .replace(/-+$/, '');
  return name === '' ? 'fleet' : name;
}

/** The attribute of `--port-base <port>` is `portBase`. */
function attributeOf(field: Field): string {
  const [long] = field.flag!.slice(2).split(' ');
  return long!.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function documentValue(field: Field, value: unknown): unknown {
  const fromText = field.type.fromText ?? ((text: string): unknown => text);
  if (Array.isArray(value)) return Object.assign({}, ...value.map((text) => fromText(String(text))));
  return typeof value === 'string' ? fromText(value) : value;
}

/** Sets the value at a path; a mapping that is already there keeps its other keys. */
function put(document: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path as [string, ...string[]];
  const present = document[key];
  if (rest.length > 0) {
    const inner = isMapping(present) ? present : {};
    put(inner, rest, value);
    document[key] = inner;
  } else document[key] = isMapping(present) && isMapping(value) ? { ...present, ...value } : value;
}
