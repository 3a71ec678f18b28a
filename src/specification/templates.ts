import { placeholderProblem } from './placeholders.ts';
import { below, type Problem, show } from './problems.ts';
import { isMapping, isText, scalar, type Type } from './types.ts';

/** One argument or variable holds at most 131,072 bytes, its NUL included: MAX_ARG_STRLEN, execve(2). */
const TEXT_BYTES_MAX = 131_071;
const utf8 = new TextEncoder();

const TEXT = scalar<string, ''>(
  { suffix: '', expected: 'text without NUL bytes, of at most 128 KiB', schema: { type: 'string' } },
  (value) => (isText(value) && utf8.encode(value).length <= TEXT_BYTES_MAX ? value : null),
  // YAML reads text that looks like a number, a boolean or null as such.
  (value) => (value === null || isPlain(value) ? `; write it in quotes: "${value ?? ''}"` : ''),
);

/** Reads text whose placeholders are known and whose braces match. */
function readTemplate(value: unknown, path: string, problems: Problem[]): string | undefined {
  const template = TEXT.read(value, path, problems);
  const problem = template === undefined ? null : placeholderProblem(template);
  if (problem === null) return template;
  problems.push({ path, text: problem });
  return undefined;
}

/** A path with placeholders. */
export const PATH_TEMPLATE: Type<string, ''> = {
  suffix: '',
  expected: 'a path, with placeholders',
  schema: { type: 'string', minLength: 1 },
  read: (value, path, problems) => {
    if (value !== '') return readTemplate(value, path, problems);
    problems.push({ path, text: `expected ${PATH_TEMPLATE.expected}, found an empty text` });
    return undefined;
  },
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
  names: { expected: string; pattern: RegExp },
  expected: string,
  valueProblem: (value: string) => string | null,
): Type<Record<string, string>, ''> {
  return {
    suffix: '',
    expected,
    schema: {
      type: 'object',
      propertyNames: { pattern: names.pattern.source },
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
        if (!names.pattern.test(name) || name === '__proto__')
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
  {
    expected: 'a name of letters, digits and _ that does not begin with a digit',
    pattern: /^[A-Za-z_][A-Za-z0-9_]*$/,
  },
  'a mapping of names to values',
  () => null,
);

/** Headers of HTTP (field names as in RFC 9110, 5.1), with placeholders. */
export const HEADERS = textMapping(
  { expected: 'the name of a header', pattern: /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/ },
  'a mapping of headers to values',
  (value) => (/[\r\n]/.test(value) ? 'expected a value without line breaks' : null),
);

function isPlain(value: unknown): value is number | boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}
