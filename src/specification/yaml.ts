import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type ParsedNode,
  parseAllDocuments,
  visit,
  type YAMLMap,
} from 'yaml';
import { FleetError } from '../errors/fleet-error.ts';
import { show } from './problems.ts';

/** The maximum length of a spec's text: far more than any spec needs, and short enough to parse quickly. */
const TEXT_CHARS_MAX = 262_144;

/**
 * Parses the text of a spec file (YAML 1.2 core, which includes JSON) to a document for parseSpec.
 * @throws FleetError SPEC_INVALID with file, line and column
 */
export function readSpecText(text: string, fileName: string): unknown {
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
    });
    const document = onlyDocument(documents as Document.Parsed[], fail);
    refuseRepetition(document, fail);
    keepVariablesAsWritten(document.contents);
    return document.toJS();
  } catch (error) {
    if (error instanceof FleetError) throw error;
    // Other errors: alias bombs, which the package refuses, and nesting too deep for the stack.
    throw refusal(fileName, reasonOf(error as Error), error);
  }
}

type Fail = (offset: number, reason: string) => never;

function onlyDocument([document, second]: Document.Parsed[], fail: Fail): Document.Parsed {
  const [error] = [...(document?.errors ?? []), ...(document?.warnings ?? [])];
  if (error !== undefined) return fail(error.pos[0], reasonOf(error));
  if (second !== undefined)
    return fail(second.range[0], 'a second document begins here; a spec file may hold only one');
  const contents = document?.contents ?? null;
  if (document === undefined || (isScalar(contents) && contents.source === ''))
    return fail(0, 'the file is empty');
  return document;
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

/** Keeps environment variables as text: `VERSION: 1.10` means 1.10, not the number 1.1. */
function keepVariablesAsWritten(contents: ParsedNode | null): void {
  const env = isMap(contents) ? contents.get('env', true) : null;
  if (!isMap(env)) return;
  for (const { value } of env.items) {
    if (isScalar(value) && typeof value.value === 'number' && value.source) value.value = value.source;
  }
}

function reasonOf(error: Error): string {
  return error.message.includes('call stack') ? 'nested too deeply' : error.message;
}

function refusal(where: string, reason: string, cause?: unknown): FleetError {
  return new FleetError('SPEC_INVALID', `${where}: ${reason}`, { cause });
}
