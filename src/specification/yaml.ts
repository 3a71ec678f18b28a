import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseAllDocuments,
  type Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import { FleetError } from '../errors/fleet-error.ts';
import { show } from './problems.ts';

/** The maximum length of a spec's text: far more than any spec needs, and short enough to parse quickly. */
const TEXT_CHARS_MAX = 262_144;

/** One document of a spec file. */
export interface SpecDocument {
  /** For parseSpec, which checks it. */
  value: unknown;
  /** Counted from 1. */
  number: number;
  /** The line of the key or item that the path of a problem names (`ports.base`), or of the nearest around it. */
  lineOf: (path: string) => number;
}

/**
 * Parses the text of a spec file (YAML 1.2 core, which includes JSON) to its documents, at least one; empty ones are left
 * out.
 * @throws FleetError SPEC_INVALID with file, line and column
 */
export function readSpecText(text: string, fileName: string): SpecDocument[] {
  if (text.length > TEXT_CHARS_MAX) throw refusal(fileName, 'longer than the maximum of 256 KiB');
  const lines = new LineCounter();
  const fail = (offset: number, reason: string): never => {
    const { line, col } = lines.linePos(offset);
    throw refusal(`${fileName}:${line}:${col}`, reason);
  };
  try {
    // Duplicate keys are found below, because the package compares every key with every other.
    const documents = parseAllDocuments(text, {
      schema: 'core',
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false,
      logLevel: 'error',
    }) as Document.Parsed[];
    refuseErrors(documents, fail);
    const written = documents.filter(({ contents }) => !isEmpty(contents));
    if (written.length === 0) return fail(0, 'the file is empty');
    return written.map((document, i) => {
      refuseRepetition(document, fail);
      keepTextAsWritten(document.contents);
      return {
        value: document.toJS(),
        number: i + 1,
        lineOf: (path) => lines.linePos(offsetOf(document, path)).line,
      };
    });
  } catch (error) {
    if (error instanceof FleetError) throw error;
    // Other errors: alias bombs, which the package refuses, and nesting too deep for the stack.
    throw refusal(fileName, reasonOf(error as Error), error);
  }
}

type Fail = (offset: number, reason: string) => never;

function refuseErrors(documents: readonly Document.Parsed[], fail: Fail): void {
  for (const { errors, warnings } of documents) {
    const [error] = [...errors, ...warnings];
    if (error !== undefined) fail(error.pos[0], reasonOf(error));
  }
}

function isEmpty(contents: ParsedNode | null): boolean {
  return contents === null || (isScalar(contents) && contents.source === '');
}

/** The offset of the innermost node of a path that is there. */
function offsetOf({ contents }: Document.Parsed, path: string): number {
  let node: unknown = contents;
  let offset = contents?.range[0] ?? 0;
  for (const [, quoted, index, key] of path.matchAll(/("(?:[^"\\]|\\.)*")|\[(\d+)\]|([^.[\]"]+)/g)) {
    if (isSeq(node) && index !== undefined) node = node.items[Number(index)];
    else if (isMap(node)) {
      const name = quoted === undefined ? key : JSON.parse(quoted);
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === name);
      if (pair === undefined) break;
      offset = (pair.key as Scalar).range?.[0] ?? offset;
      node = pair.value;
      continue;
    } else break;
    if (isNode(node)) offset = node.range?.[0] ?? offset;
  }
  return offset;
}

/** Refuses a duplicate key, an alias without an anchor, and an alias of a node that contains it. */
function refuseRepetition(document: Document.Parsed, fail: Fail): void {
  const anchors = new Set<string>();
  visit(document, (_, node, path) => {
    if (isMap(node)) refuseDuplicates(node, fail);
    if (isAlias(node)) {
      const circular = path.some((around) => isCollection(around) && around.anchor === node.source);
      if (circular || !anchors.has(node.source)) {
        fail(
          node.range![0],
          circular ? `the alias *${node.source} refers to itself` : `the alias *${node.source} has no anchor`,
        );
      }
    } else if (isNode(node) && node.anchor) anchors.add(node.anchor);
  });
}

function refuseDuplicates(map: YAMLMap<unknown, unknown>, fail: Fail): void {
  const keys = new Set<string>();
  for (const { key } of map.items) {
    if (!isScalar(key)) continue;
    const name = String(key.value);
    if (keys.has(name)) fail(key.range![0], `the key ${show(name)} is a duplicate`);
    keys.add(name);
  }
}

/** Keeps environment variables and labels as text: `VERSION: 1.10` means 1.10, not the number 1.1. */
function keepTextAsWritten(contents: ParsedNode | null): void {
  for (const key of ['env', 'labels']) {
    const mapping = isMap(contents) ? contents.get(key, true) : null;
    if (!isMap(mapping)) continue;
    for (const { value } of mapping.items) {
      if (isScalar(value) && typeof value.value === 'number' && value.source) value.value = value.source;
    }
  }
}

function reasonOf(error: Error): string {
  return error.message.includes('call stack') ? 'nested too deeply' : error.message;
}

function refusal(where: string, reason: string, cause?: unknown): FleetError {
  return new FleetError('SPEC_INVALID', `${where}: ${reason}`, { cause });
}
