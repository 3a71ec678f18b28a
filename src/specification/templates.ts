import { STRING_BYTES_MAX } from './exec-size.ts';
import { PATH } from './groups/values.ts';
import { placeholderProblem } from './placeholders.ts';
import { below, type Problem, show } from './problems.ts';
import { isMapping, isText, scalar, type Type } from './types.ts';
import { isVariableName, VARIABLE_NAME, VARIABLE_PATTERN } from './variables.ts';

const utf8 = new TextEncoder();

const TEXT = scalar<string, ''>(
  { suffix: '', expected: 'text without NUL bytes, of at most 128 KiB', schema: { type: 'string' } },
  (value) => (isText(value) && utf8.encode(value).length <= STRING_BYTES_MAX ? value : null),
  // YAML reads text that looks like a number, a boolean or null as such.
  (value) => (value === null || isPlain(value) ? `; write it in quotes: "${value ?? ''}"` : ''),
);

/** Reads text whose placeholders are known and whose braces match. */
function readTemplate(
  value: unknown,
  path: string,
  problems: Problem[],
  type: Type<string> = TEXT,
): string | undefined {
  const template = type.read(value, path, problems);
  const problem = template === undefined ? null : placeholderProblem(template);
  if (problem === null) return template;
  problems.push({ path, text: problem });
  return undefined;
}

/** A path with placeholders. */
export const PATH_TEMPLATE: Type<string, ''> = {
  ...PATH,
  read: (value, path, problems) => readTemplate(value, path, problems, PATH),
};

/** A program and its arguments, with placeholders. */
export const ARGV: Type<string[], ''> = {
  suffix: '',
  expected: 'a list: the program, then its arguments',
  schema: { type: 'array', minItems: 1, items: TEXT.schema },
  read: (value, path, problems) => {
    if (!Array.isArray(value) || value.length === 0 || value[0] === '') {
      const found = Array.isArray(value) && value.length > 0 ? 'an empty program name' : show(value);
      problems.push({ path, text: `expected ${ARGV.expected}, found ${found}` });
      return undefined;
    }
    const before = problems.length;
    const argv = value.map((item, i) => readTemplate(item, below(path, i), problems));
    return problems.length === before ? (argv as string[]) : undefined;
  },
};

/** A mapping of names to texts with placeholders. Numbers and booleans become text. */
function textMapping(
  names: { expected: string; pattern: string; isValid: (name: string) => boolean },
  expected: string,
  valueProblem: (value: string) => string | null,
): Type<Record<string, string>, ''> {
  return {
    suffix: '',
    expected,
    schema: {
      type: 'object',
      propertyNames: { pattern: names.pattern },
      additionalProperties: { type: ['string', 'number', 'boolean'] },
    },
    parsed: { type: 'object', additionalProperties: TEXT.schema },
    read: (value, path, problems) => {
      if (!isMapping(value)) {
        problems.push({ path, text: `expected ${expected}, found ${show(value)}` });
        return undefined;
      }
      const before = problems.length;
      const entries = Object.entries(value).map(([name, item]) => {
        const itemPath = below(path, name);
        if (!names.isValid(name) || name === '__proto__')
          problems.push({ path: itemPath, text: `expected ${names.expected}, found ${show(name)}` });
        const text = readTemplate(isPlain(item) ? String(item) : item, itemPath, problems) ?? '';
        const problem = valueProblem(text);
        if (problem !== null) problems.push({ path: itemPath, text: problem });
        return [name, text];
      });
      return problems.length === before ? Object.fromEntries(entries) : undefined;
    },
    fromText: (text) => {
      const [name, ...rest] = text.split('=');
      return Object.fromEntries([[name, rest.length === 0 ? null : rest.join('=')]]);
    },
  };
}

/** Environment variables, with placeholders. Numbers and booleans become text. */
export const ENVIRONMENT = textMapping(
  { expected: VARIABLE_NAME, pattern: VARIABLE_PATTERN, isValid: isVariableName },
  'a mapping of names to values',
  () => null,
);

/** Names of fields as in RFC 9110, 5.1. */
const HEADER_PATTERN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;

/** Headers of HTTP, with placeholders. */
export const HEADERS = textMapping(
  {
    expected: 'the name of a header',
    pattern: HEADER_PATTERN.source,
    isValid: (name) => HEADER_PATTERN.test(name),
  },
  'a mapping of headers to values',
  (value) => (/[\r\n]/.test(value) ? 'expected a value without line breaks' : null),
);

function isPlain(value: unknown): value is number | boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}
