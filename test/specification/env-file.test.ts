import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import koffi from 'koffi';
import { describe, expect, test } from 'vitest';
import { parseEnvFile } from '../../src/specification/env-file.ts';

const parse = (text: string) => parseEnvFile(Buffer.from(text));
const variables = (text: string) => {
  const file = parse(text);
  if ('problem' in file) throw new Error(`line ${file.line} ${file.problem}`);
  return file.variables;
};

test.each([
  ['no variable', '\n# A=1\n ; B=2\n', {}],
  ['a value with spaces around it', ' A = b c \t\nB=\n', { A: 'b c', B: '' }],
  ['what looks like a comment in a value', 'A=b # c\n', { A: 'b # c' }],
  ['quotes', `A="b c "\nB=' d'\n`, { A: 'b c ', B: ' d' }],
  ['quoted parts, then an unquoted one, in which quotes mean nothing', 'A="a" and "b"\n', { A: 'aand "b"' }],
  ['quoted parts of both kinds', `A="a" 'b'"c"\n`, { A: 'abc' }],
  ['lines in quotes', `KEY="-----BEGIN\nAB==\n"\nB='x\ny'`, { KEY: '-----BEGIN\nAB==\n', B: 'x\ny' }],
  ['a value that goes on', 'A=a\\\nb\nB="c\\\nd"\n', { A: 'ab', B: 'cd' }],
  ['single quotes around a backslash', `A='a\\\nb\\"'\n`, { A: 'a\\\nb\\"' }],
  ['escapes', 'A=a\\ \\"b\\n\nB="\\"\\\\\\`\\$\\n"\n', { A: 'a "bn', B: '"\\`$\\n' }],
  ['a space that is escaped at the end', 'A=a \\ \n', { A: 'a  ' }],
  ['a comment that goes on', '# A=1 \\\nB=2\nC=3\n', { C: '3' }],
  ['lines of DOS', 'A=a\r\nB="b"\r\n', { A: 'a', B: 'b' }],
  ['names with dots and dashes', 'spring.port=1\nx-y=2\n_z=3\n', { 'spring.port': '1', 'x-y': '2', _z: '3' }],
  ['export', 'export A=1\n export\tB=2\nexport=3\n', { A: '1', B: '2', export: '3' }],
  ['a name twice', 'A=1\nA=2\n', { A: '2' }],
  ['the end of the file in a value', 'A=a \\', { A: 'a ' }],
  ['what is not ASCII', 'A=é€😀\n', { A: 'é€😀' }],
])('reads %s', (_, text, expected) => {
  expect(variables(text)).toEqual(expected);
});

const NAME = 'needs a name of letters, digits, _, . and - that begins with a letter or _ before the =';
test.each([
  ['a line without =', 'A=1\n\nsecret\nB=2', 3, 'is not NAME=value'],
  ['the second line of a value without quotes', 'A=-----BEGIN\nsecret\n', 2, 'is not NAME=value'],
  ['a name with a space', '\n1 secret=1', 2, NAME],
  ['a name that begins with a digit', '1A=1', 1, NAME],
  ['no name', '=1', 1, NAME],
  ['a name that objects have', '__proto__=1', 1, NAME],
  ['a mark of the byte order', '\uFEFFA=1', 1, NAME],
  [
    'double quotes that are not closed',
    'A=1\nB="a\nsecret\nC=d\n',
    2,
    'opens a quotation (") that is not closed',
  ],
  ['single quotes that are not closed', `A="a\n" 'secret\n`, 2, "opens a quotation (') that is not closed"],
  ['a quotation that ends with an escape', 'A="secret\\', 1, 'opens a quotation (") that is not closed'],
  ['a NUL', 'A=1\nB="secret\0"', 2, 'contains a NUL byte'],
])('refuses %s, by the line where that begins', (_, text, line, problem) => {
  expect(parse(text)).toEqual({ line, problem });
});

test('a file of the largest size takes no longer than its length', () => {
  const long = ' '.repeat(2 ** 20);
  expect(parse(`A${long}x=1`)).toEqual({ line: 1, problem: NAME });
  expect(parse(`A=${long}`)).toEqual({ variables: { A: '' } });
  expect(parse(`A=x${long}y`)).toEqual({ variables: { A: `x${long}y` } });
  expect(parse(`A="${'\\"'.repeat(2 ** 19)}`)).toMatchObject({ line: 1 });
});

test('refuses what is not UTF-8 by its line, also within a quotation', () => {
  const refused = { line: 3, problem: 'is not valid UTF-8' };
  expect(parseEnvFile(Buffer.from('A=é\n\nB=\xff\nC=1', 'latin1'))).toMatchObject({ line: 1 });
  expect(parseEnvFile(Buffer.from('A=1\nB="\n\xff"\n', 'latin1'))).toEqual(refused);
  expect(parseEnvFile(Buffer.from('A=1\n\nB=\xc3', 'latin1'))).toEqual(refused);
});

const name = fc.constantFrom('A', 'B_1', 'spring.port', 'x-y');
const raw = fc.string({ unit: fc.constantFrom(...'ab=#; \t"\'\\$`é\n\r'), maxLength: 12 });
const plain = fc.string({ unit: fc.constantFrom(...'ab=#;é.'), minLength: 1, maxLength: 5 });
const single = raw.map((text) => `'${text.replaceAll("'", '')}'`);
const double = raw.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`);
const value = fc
  .tuple(fc.array(fc.oneof(single, double)), fc.oneof(plain, raw, fc.constant('')))
  .map(([quoted, last]) => quoted.join(' ') + last);
const line = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(name, value).map(([key, text]) => `${key}=${text}`) },
  fc.constantFrom('', ' ', '# a comment', '; B=1 "', 'export E=\\', ' A = b '),
);
const file = fc.oneof(
  fc.array(line, { maxLength: 5 }).map((lines) => lines.join('\n')),
  fc.string({ unit: fc.constantFrom(...'AB=#; "\'\\\n'), maxLength: 30 }),
);

test('any value that is quoted comes back as it was', () => {
  fc.assert(
    fc.property(name, fc.string({ unit: 'binary' }), (key, text) => {
      fc.pre(!text.includes('\0') && text.isWellFormed());
      const quoted = `"${text.replace(/["\\`$]/g, '\\$&')}"`;
      expect(variables(`# first\n${key}=${quoted}\nLAST=1`)).toEqual({ [key]: text, LAST: '1' });
    }),
  );
});

test('whatever a file has, it is read or refused by a line of it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const read = parseEnvFile(bytes);
      if ('problem' in read) {
        expect(read.line).toBeGreaterThanOrEqual(1);
        expect(read.line).toBeLessThanOrEqual(bytes.filter((byte) => byte === 10).length + 1);
      } else for (const text of Object.values(read.variables)) expect(text).not.toContain('\0');
    }),
  );
});

/** systemd's own code, where it is installed, with its version. */
const LIBRARY = globSync('/usr/lib{,64}{,/*}/systemd/libsystemd-shared-*.so')[0];
/** From here on, a backslash at the end of a comment means nothing. */
const COMMENTS_END = 254;

describe.skipIf(LIBRARY === undefined)('systemd', () => {
  test('reads the same from every file that is accepted here', () => {
    const version = Number(/(\d+)[^/]*$/.exec(LIBRARY!)![1]);
    const load = koffi
      .load(LIBRARY!)
      .func('int load_env_file(void *file, const char *path, _Out_ void **variables)');
    const directory = mkdtempSync(join(tmpdir(), 'env-'));
    const path = join(directory, 'env');
    let accepted = 0;
    try {
      fc.assert(
        fc.property(file, (text) => {
          fc.pre(version < COMMENTS_END || !/[#;].*\\[\n\r]/.test(text));
          const own = parse(text);
          if ('problem' in own) return;
          accepted++;
          writeFileSync(path, text);
          const list: unknown[] = [null];
          expect(load(null, path, list)).toBe(0);
          expect(own.variables).toEqual(withoutExport(list[0]));
        }),
        { numRuns: 2_000 },
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
    expect(accepted).toBeGreaterThan(500);
  });
});

/** The variables of a list that NULL ends, as systemd has them: with `export` in their names. */
function withoutExport(list: unknown): Record<string, string> {
  const variables = new Map<string, string>();
  for (let at = 0; list !== null; at += 8) {
    const assignment = koffi.decode(list, at, 'char *') as string | null;
    if (assignment === null) break;
    const [, key, text] = /^(?:export[ \t]+)?([^=]*)=(.*)$/s.exec(assignment)!;
    variables.set(key!, text!);
  }
  return Object.fromEntries(variables);
}
