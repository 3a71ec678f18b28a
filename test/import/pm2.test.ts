import { expect, test } from 'vitest';
import { allUnsupported } from '../../src/import/draft.ts';
import { evaluatedEcosystem, readEcosystem } from '../../src/import/pm2/document.ts';
import { importEcosystem } from '../../src/import/pm2/import.ts';
import { WORLD } from './fixtures.ts';

const imported = (text: string, environment: string | null = null) =>
  importEcosystem(readEcosystem({ file: 'e.json', text }), WORLD, environment);
const app = (values: object, environment: string | null = null) =>
  imported(JSON.stringify({ apps: [{ name: 'x', script: 'x.js', ...values }] }), environment);
const specOf = (values: object) => app(values).fleets[0]!.spec;

test('JSON may have comments, and keeps its lines', () => {
  const text = '// apps\n{ "apps": [ /* one */\n  { "script": "http://x//y",\n    "watch": true } ] }\n';
  const found = imported(text);
  expect(found.fleets[0]!.spec.name).toBe('y');
  expect(allUnsupported(found)).toMatchObject([{ file: 'e.json', line: 4, directive: 'watch' }]);
});

test.each([
  ['{ "apps": [', /^e\.json:1: /],
  ['{ "apps": [\n"a.js"] }', /^e\.json:2: apps\[0\] is no mapping$/],
  ['{ "apps": [] }', /^e\.json:1: there is no app in it$/],
  ['{\n"apps": [\n{ "name": "x" }] }', /^e\.json:3: apps\[0\] has no script$/],
])('%j is refused with its place', (text, message) => {
  expect(() => imported(text)).toThrow(
    expect.objectContaining({ code: 'IMPORT_INVALID', message: expect.stringMatching(message) }),
  );
});

test('what pm2 does without being told is what the fleet does', () => {
  expect(specOf({})).toEqual({
    name: 'x',
    command: ['node', '/etc/imported/x.js'],
    target: 1,
    cwd: '/etc/imported',
    ready: { after: '1s' },
    stop: { signal: 'SIGINT', to: 'all', grace: '1600ms' },
    restart: { storm: 'off' },
  });
});

test.each([
  [{ script: 'npm', args: 'run "a b"' }, ['npm', 'run', 'a b']],
  [{ script: 'npm start' }, ['npm', 'start']],
  [{ script: './a', args: ['-x', 1] }, ['/etc/imported/a', '-x', '1']],
  [{ script: 'a.py', interpreter_args: '-O' }, ['python3', '-u', '-O', '/etc/imported/a.py']],
  [
    { script: 'a.js', interpreter: '/opt/node', node_args: ['-r', 'x'] },
    ['/opt/node', '-r', 'x', '/etc/imported/a.js'],
  ],
  [{ script: 'a.js', exec_interpreter: 'none' }, ['/etc/imported/a.js']],
  [{ script: '/opt/{x}/a' }, ['/opt/{{x}}/a']],
])('%j runs %j', (values, command) => {
  expect(specOf(values).command).toEqual(command);
});

test.each([
  [3, 3],
  ['2', 2],
  ['max', 4],
  [0, 4],
  [-1, 3],
  [-9, 1],
])('%s instances on four processors are %i', (instances, target) => {
  expect(specOf({ instances }).target).toBe(target);
});

test('instances get a port each, from that of their environment', () => {
  expect(specOf({ instances: 2, env: { PORT: 3000 } })).toMatchObject({
    env: { PORT: '{port}', NODE_APP_INSTANCE: '{slot}' },
    ports: { base: 3_000 },
  });
  expect(specOf({ env: { PORT: 3000 } })).toMatchObject({ env: { PORT: '3000' } });
  expect(specOf({ increment_var: 'N', env: { N: 0 } })).toMatchObject({ env: { N: '{slot}' } });
  expect(allUnsupported(app({ increment_var: 'N', env: { N: 'a' } }))).toMatchObject([
    { directive: 'increment_var' },
  ]);
});

test('an environment is taken over if it is asked for, and named otherwise', () => {
  const values = { env: { A: '1', B: '1' }, env_production: { B: '2' }, env_staging: { C: '3' } };
  const chosen = app(values, 'production');
  expect(chosen.fleets[0]!.spec.env).toEqual({ A: '1', B: '2' });
  expect(allUnsupported(chosen).map(({ directive }) => directive)).toEqual(['env_staging']);
  expect(allUnsupported(app(values)).map(({ directive }) => directive)).toEqual([
    'env_production',
    'env_staging',
  ]);
});

test.each([
  [{ autorestart: false }, { on: 'never' }],
  [{ stop_exit_codes: [0] }, { on: 'on-failure' }],
  [{ stop_exit_codes: [78] }, { never: [78] }],
  [{ exp_backoff_restart_delay: 100 }, { backoff: { min: '100ms', max: '15s' } }],
  [{ restart_delay: '10s', max_restarts: 5 }, { attempts: { count: 5, within: '5m21s' } }],
])('%j is a restart %j', (values, restart) => {
  expect(specOf(values).restart).toMatchObject(restart);
});

test('a script that was evaluated has its findings at the words of its text', () => {
  const text =
    "const a = 1;\nmodule.exports = { apps: [\n{ name: 'a', watch: true },\n{ name: 'b',\nwatch: true }] };";
  const apps = [
    { name: 'a', script: 'a.js', watch: true },
    { name: 'b', script: 'b.js', watch: true },
  ];
  const strange = [{ path: 'apps.1.hook', what: 'a function' }];
  const found = importEcosystem(evaluatedEcosystem({ file: 'e.js', text }, { apps }, strange), WORLD, null);
  expect(allUnsupported(found).map(({ line, directive }) => [line, directive])).toEqual([
    [3, 'watch'],
    [4, 'apps.1.hook'],
    [5, 'watch'],
  ]);
});
