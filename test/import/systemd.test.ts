import { expect, test } from 'vitest';
import { allUnsupported } from '../../src/import/draft.ts';
import { importUnit } from '../../src/import/systemd/import.ts';
import { byteCount, timeSpan } from '../../src/import/systemd/service.ts';
import { readUnit } from '../../src/import/systemd/unit.ts';
import { unitWords } from '../../src/import/systemd/words.ts';
import { WORLD } from './fixtures.ts';

const NOTHING = { instances: [], dropIns: [] };
const imported = (text: string, around = {}, file = 'x.service', world = WORLD) =>
  importUnit({ file, text }, world, { ...NOTHING, ...around });
const service = (lines: string, around = {}, file = 'x.service') =>
  imported(`[Service]\n${lines}\n`, around, file).fleets[0]!.spec;

test('a line continues after a backslash, past comments, and an empty assignment resets', () => {
  const text = '[Service]\nA=1\nA=\nA=2 \\\n# no\n  ; neither\n  3\\\n4\nB=5\n';
  expect(readUnit({ file: 'u', text })).toEqual([
    { file: 'u', line: 4, section: 'Service', name: 'A', value: '2    3 4' },
    { file: 'u', line: 9, section: 'Service', name: 'B', value: '5' },
  ]);
});

test.each([
  ['A=1', 'x.service:1: a directive before the first [Section]'],
  ['[Service]\nwords', 'x.service:2: expected KEY=VALUE or [Section], found "words"'],
  ['[Timer]\nOnCalendar=daily', 'x.service:1: there is no [Service] with an ExecStart= in it'],
  ['[Service]\nExecStart=/a "b', 'x.service:2: ExecStart: a " is not closed'],
])('%j is refused with its place', (text, message) => {
  expect(() => imported(text)).toThrow(expect.objectContaining({ code: 'IMPORT_INVALID', message }));
});

test.each([
  [`a 'b c' "d\\"e" f\\sg h\\x41\\102\\u00e9`, ['a', 'b c', 'd"e', 'f g', 'hABé']],
  [`"" --x="y z" \\q`, ['', '--x=y z', '\\q']],
])('%s is split by the rules of systemd', (text, words) => {
  expect(unitWords(text)).toEqual(words);
});

test.each([
  ['90', 90],
  ['1min 30s', 90],
  ['1.5h', 5_400],
  ['100ms', 0.1],
  ['2d', 172_800],
  ['infinity', Number.POSITIVE_INFINITY],
  ['soon', null],
  ['5 parsecs', null],
  ['', null],
])('%s is a time span of %s seconds', (text, span) => {
  expect(timeSpan(text)).toBe(span);
});

test.each([
  ['64M', 67_108_864],
  ['512', 512],
  ['infinity', Number.POSITIVE_INFINITY],
  ['10%', null],
])('%s is %s bytes', (text, bytes) => {
  expect(byteCount(text)).toBe(bytes);
});

test('what systemd does without being told is what the fleet does', () => {
  expect(service('ExecStart=/bin/a')).toEqual({
    name: 'x',
    command: ['/bin/a'],
    target: 1,
    cwd: '/',
    ready: { after: '1s' },
    restart: { on: 'never', backoff: { min: '100ms' }, storm: 'off' },
    stop: { to: 'all', grace: '1m30s' },
  });
});

test.each([
  [`/bin/a $A \${B} x\${B}y $$C %%`, ['/bin/a', '1', '2', '3 4', 'x3 4y', '$C', '%']],
  [`:/bin/a $A \${B} {c}`, ['/bin/a', '$A', `\${{B}}`, '{{c}}']],
  ['@/bin/a zero one', ['/bin/a', 'one']],
  ['/bin/a --x=$A', ['/bin/a', '--x=$A']],
  [`/bin/a $NO 'it is' $$`, ['sh', '-c', `exec /bin/a $NO 'it is' '$'`]],
  [`/bin/a -d\${NO}/x`, ['sh', '-c', 'exec /bin/a -d"$NO"/x']],
])('ExecStart=%s', (line, command) => {
  expect(service(`Environment="A=1 2" "B=3 4"\nExecStart=${line}`).command).toEqual(command);
});

test('with an EnvironmentFile, variables are left to the start', () => {
  expect(service(`Environment=A=1\nEnvironmentFile=/e\nExecStart=/bin/a \${A}`)).toMatchObject({
    command: ['sh', '-c', 'exec /bin/a "$A"'],
    env: { A: '1' },
    envFile: '/e',
  });
});

test.each([
  ['/bin/kill -HUP $MAINPID', { signal: 'SIGHUP' }],
  [`/bin/kill -s USR2 \${MAINPID}`, { signal: 'SIGUSR2' }],
  ['/bin/kill -1 $MAINPID', { signal: 'SIGHUP' }],
  ['/bin/reloader --pid $MAINPID', { exec: ['sh', '-c', 'exec /bin/reloader --pid $MAINPID'] }],
  ['/bin/reloader now', { exec: ['/bin/reloader', 'now'] }],
])('ExecReload=%s', (line, reload) => {
  expect(service(`ExecStart=/bin/a\nExecReload=${line}`).reload).toEqual(reload);
});

test('commands before a start are one, and may be allowed to fail', () => {
  expect(service('ExecStart=/bin/a\nExecStartPre=/bin/b c').start).toMatchObject({ before: ['/bin/b', 'c'] });
  expect(service("ExecStart=/bin/a\nExecStartPre=-/bin/b 'c d' ; /bin/e").start).toMatchObject({
    before: ['sh', '-c', "{{ /bin/b 'c d' || true; }} && /bin/e"],
  });
});

test.each([
  ['x@.service', [], { target: 1, command: ['/bin/a', '{slot}'] }],
  ['x@.service', ['0', '1', '2'], { target: 3, command: ['/bin/a', '{slot}'] }],
  ['x@.service', ['8001', '8002'], { target: 2, command: ['/bin/a', '{port}'], ports: { base: 8_001 } }],
  ['x@.service', ['acme', 'globex'], { target: 2, command: ['/bin/a', '{slot}'] }],
  ['x@acme.service', [], { target: 1, command: ['/bin/a', 'acme'] }],
])('%s with instances %j', (file, instances, expected) => {
  expect(service('ExecStart=/bin/a %i', { instances }, file)).toMatchObject(expected);
});

test('instances that are no slots are said to be none', () => {
  const found = (instances: string[]) =>
    allUnsupported(imported('[Service]\nExecStart=/bin/a %i\n', { instances }, 'x@.service'));
  expect(found(['0', '1'])).toEqual([]);
  expect(found(['1', '2'])).toMatchObject([{ line: 2, directive: 'ExecStart' }]);
  expect(found(['acme'])[0]!.reason).toContain('here acme');
});

test('specifiers of the system manager are its directories; those of a user are the user’s', () => {
  const line = '[Service]\nExecStart=/bin/a %n %N %p %h %t %S %H %m\n';
  const found = imported(line, {}, 'a-b.service');
  expect(found.fleets[0]!.spec.command).toEqual([
    '/bin/a',
    'a-b.service',
    'a-b',
    'a-b',
    '/root',
    '/run',
    '/var/lib',
    'edge-1.example.org',
    '%m',
  ]);
  expect(allUnsupported(found)).toMatchObject([{ directive: 'ExecStart', line: 2 }]);
  const world = { ...WORLD, directory: '/home/u/.config/systemd/user', env: { HOME: '/home/u' } };
  expect(imported('[Service]\nExecStart=%h/a\n', {}, 'x.service', world).fleets[0]!.spec.command).toEqual([
    '/home/u/a',
  ]);
});

test.each([
  ['PrivateTmp=yes', { readOnly: false, tmp: 'private' }],
  ['ProtectSystem=strict', { readOnly: true, tmp: 'shared' }],
  ['PrivateTmp=no', undefined],
  [
    'ReadWritePaths=-/v "/a b"\nProtectSystem=strict\nReadWritePaths=/w/%i\nPrivateTmp=1',
    { readOnly: true, tmp: 'private', writable: ['/v', '/a b', '/w/{slot}'] },
  ],
])('%s becomes a sandbox', (directives, sandbox) => {
  const found = imported(`[Service]\nExecStart=/bin/a\n${directives}\n`, {}, 'x@.service');
  expect(found.fleets[0]!.spec.sandbox).toEqual(sandbox);
});

test('what would shut the agents in otherwise is named', () => {
  const found = imported(
    '[Service]\nExecStart=/bin/a\nProtectSystem=full\nReadWritePaths=/v\nProtectHome=yes\n',
  );
  expect(found.fleets[0]!.spec).not.toHaveProperty('sandbox');
  expect(allUnsupported(found).map(({ directive }) => directive)).toEqual([
    'ProtectSystem',
    'ReadWritePaths',
    'ProtectHome',
  ]);
});

test('drop-ins are named, not read', () => {
  const found = imported('[Service]\nExecStart=/bin/a\n', { dropIns: ['x.service.d/10.conf'] });
  expect(found.unsupported).toMatchObject([{ file: 'x.service.d/10.conf', directive: 'drop-in' }]);
});

test('a code that is a success is not one after which nothing starts again', () => {
  const lines = 'ExecStart=/bin/a\nSuccessExitStatus=143 TEMPFAIL\nRestartPreventExitStatus=0 75 78';
  expect(service(lines).restart).toMatchObject({ success: [0, 143, 75], never: [78] });
});
