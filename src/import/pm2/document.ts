import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { SourceFile } from '../input.ts';
import { refusal } from '../problem.ts';

/** More than an ecosystem file in YAML needs. */
const ALIASES_MAX = 100;

/** A value that JSON cannot hold, and where it stands: `apps.0.env.HOST`, a function. */
export interface Strange {
  path: string;
  what: string;
}

/** An ecosystem file as data. */
export interface Ecosystem {
  file: string;
  value: unknown;
  strange: readonly Strange[];
  /** The line of a value, by its keys from the top; that of what is around it where it cannot be found. */
  lineOf: (path: readonly (string | number)[]) => number;
}

/**
 * Reads an ecosystem file in JSON (with comments, as pm2 takes it) or YAML.
 * @throws FleetError IMPORT_INVALID with file and line
 */
export function readEcosystem({ file, text }: SourceFile): Ecosystem {
  const plain = /\.ya?ml$/.test(file) ? text : withoutComments(text);
  const lines = new LineCounter();
  const document = parseDocument(plain, {
    schema: 'core',
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
  });
  const [error] = document.errors;
  if (error !== undefined) throw refusal({ file, line: lines.linePos(error.pos[0]).line }, error.message);
  const lineOf = (path: readonly (string | number)[]): number => {
    let node: Node | null = document.contents;
    let offset = node?.range?.[0] ?? 0;
    for (const key of path) {
      const found: { node: Node | null; offset: number } | null = childOf(node, key);
      if (found === null) break;
      ({ node, offset } = found);
    }
    return lines.linePos(offset).line;
  };
  return { file, value: contentOf(document, file), strange: [], lineOf };
}

function contentOf(document: Document.Parsed, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (cause) {
    // An alias without its anchor, or so many that the value would not fit into memory.
    throw refusal({ file, line: 1 }, (cause as Error).message);
  }
}

function childOf(node: Node | null, key: string | number): { node: Node | null; offset: number } | null {
  if (isSeq(node) && typeof key === 'number') {
    const child = node.items[key] as Node | undefined;
    return child === undefined ? null : { node: child, offset: child.range?.[0] ?? 0 };
  }
  if (!isMap(node)) return null;
  const pair = node.items.find((each) => isScalar(each.key) && String(each.key.value) === String(key));
  if (pair === undefined) return null;
  return { node: pair.value as Node | null, offset: (pair.key as Node).range?.[0] ?? 0 };
}

/** Blanks out the comments of JSON, so that every other character keeps its place. */
function withoutComments(text: string): string {
  return text.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (found) =>
    found.startsWith('/') ? found.replace(/[^\n]/g, ' ') : found,
  );
}

/**
 * The data of an ecosystem file in JavaScript, after it was evaluated. A script may compute its values, so lines are found
 * by the words in its text: the n-th app that has a key is expected at the key's n-th mention.
 */
export function evaluatedEcosystem(
  { file, text }: SourceFile,
  value: unknown,
  strange: readonly Strange[],
): Ecosystem {
  const lines = text.split('\n');
  const apps = appsIn(value);
  return {
    file,
    value,
    strange,
    lineOf: (path) => {
      const key = path.findLast((each) => typeof each === 'string');
      const app = path.find((each) => typeof each === 'number');
      if (key === undefined) return app === undefined ? 1 : lineOfApp(lines, apps, app);
      const mentions = mentionsOf(lines, key);
      const before = apps.slice(0, app ?? 0).filter((each) => Object.hasOwn(each, path[2] ?? '')).length;
      return (
        mentions[Math.min(before, mentions.length - 1)] ??
        (app === undefined ? 1 : lineOfApp(lines, apps, app))
      );
    },
  };
}

function lineOfApp(lines: readonly string[], apps: readonly object[], app: number): number {
  const { name } = apps[app] as { name?: unknown };
  const named = typeof name === 'string' ? lines.findIndex((line) => line.includes(name)) : -1;
  return Math.max(named + 1, mentionsOf(lines, 'apps')[0] ?? 1);
}

function mentionsOf(lines: readonly string[], key: string): number[] {
  const mention = new RegExp(`(^|[\\s{,(.'"])${key.replace(/\W/g, '\\$&')}['"]?\\s*([:=(,}]|$)`);
  return lines.flatMap((line, at) => (mention.test(line) ? [at + 1] : []));
}

/** The apps of an ecosystem: its `apps`, or a list, or one app on its own. */
export function appsIn(value: unknown): Record<string, unknown>[] {
  const apps = isObject(value) && 'apps' in value ? value.apps : value;
  return (Array.isArray(apps) ? apps : [apps]).filter(isObject);
}

/** Whether a value is a mapping. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
