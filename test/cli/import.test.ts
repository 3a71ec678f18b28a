import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Ended } from './harness.ts';
import { Place } from './harness.ts';

const PROGRAMS = '[program:web]\ncommand=sleep 9\nnumprocs=3\npriority=5\n[program:db]\ncommand=sleep 8\n';
const isRoot = process.getuid!() === 0;

const written = (place: Place, file: string) => parse(readFileSync(join(place.cwd, file), 'utf8'));
const errorOf = ({ stdout }: Ended) =>
  (JSON.parse(stdout) as { error: { code: string; message: string } }).error;

test('writes a file for each fleet, and lists on stderr what it could not take over', async () => {
  const place = new Place();
  place.write('supervisord.conf', PROGRAMS);
  const { code, stdout, stderr } = await place.fleetctl('import', 'supervisord.conf');
  expect([code, stdout]).toEqual([0, 'web.yaml\ndb.yaml\n']);
  expect(written(place, 'web.yaml')).toMatchObject({ name: 'web', command: ['sleep', '9'], target: 3 });
  expect(stderr).toMatch(
    /^2 fleets\. Not taken over, or not quite:\nWHERE .*\nsupervisord\.conf:4 +priority +fleets start/,
  );
});

test('--json prints the document, and nothing else', async () => {
  const place = new Place();
  place.write('supervisord.conf', PROGRAMS);
  const { code, stdout, stderr } = await place.fleetctl(
    'import',
    'supervisord.conf',
    '--json',
    '--out',
    'a/b',
  );
  expect([code, stderr]).toEqual([0, '']);
  expect(JSON.parse(stdout)).toEqual({
    files: ['a/b/web.yaml', 'a/b/db.yaml'],
    unsupported: [
      {
        file: 'supervisord.conf',
        line: 4,
        directive: 'priority',
        reason: expect.stringContaining('independently'),
      },
    ],
  });
  expect(readdirSync(join(place.cwd, 'a/b')).sort()).toEqual(['db.yaml', 'web.yaml']);
});

test('overwrites nothing unless it is told to, and then all', async () => {
  const place = new Place();
  place.write('supervisord.conf', PROGRAMS);
  place.write('db.yaml', 'mine');
  const refused = await place.fleetctl('import', 'supervisord.conf', '--json');
  expect([refused.code, errorOf(refused).message]).toEqual([2, 'db.yaml exists; nothing was written']);
  expect(readdirSync(place.cwd).sort()).toEqual(['db.yaml', 'supervisord.conf']);
  expect(readFileSync(join(place.cwd, 'db.yaml'), 'utf8')).toBe('mine');
  expect((await place.fleetctl('import', 'supervisord.conf', '--force')).code).toBe(0);
  expect(written(place, 'db.yaml')).toMatchObject({ name: 'db' });
});

test('--dry-run prints the files, and writes nothing', async () => {
  const place = new Place();
  place.write('Procfile', 'web: ./web -p $PORT\n');
  const { code, stdout } = await place.fleetctl('import', 'Procfile', '--dry-run');
  expect(code).toBe(0);
  expect(parse(stdout)).toMatchObject({ name: 'web', command: [join(place.cwd, 'web'), '-p', '{port}'] });
  expect(readdirSync(place.cwd)).toEqual(['Procfile']);
});

test('the files of an include are read, and missing ones are named', async () => {
  const place = new Place();
  mkdirSync(join(place.cwd, 'etc/conf.d'), { recursive: true });
  place.write('etc/main.conf', '[include]\nfiles=conf.d/*.conf\n');
  place.write('etc/conf.d/a.conf', '[program:a]\ncommand=a\npriority=1\n');
  const { stdout } = await place.fleetctl('import', 'etc/main.conf', '--json');
  expect(JSON.parse(stdout)).toMatchObject({
    files: ['a.yaml'],
    unsupported: [{ file: 'etc/conf.d/a.conf', line: 3 }],
  });
  place.write('etc/main.conf', '[include]\nfiles=gone.conf\n');
  const refused = await place.fleetctl('import', 'etc/main.conf', '--json');
  expect([refused.code, errorOf(refused)]).toMatchObject([
    2,
    { code: 'FLEET_IMPORT_INVALID', message: 'etc/main.conf:2: there is no gone.conf' },
  ]);
});

test('a template counts its enabled instances, and names its drop-ins', async () => {
  const place = new Place();
  mkdirSync(join(place.cwd, 'multi-user.target.wants'));
  mkdirSync(join(place.cwd, 'x@.service.d'));
  place.write('x@.service', '[Service]\nExecStart=/bin/x --port %i\n');
  place.write('x@.service.d/a.conf', '[Service]\nNice=5\n');
  for (const port of [9001, 9002, 9003]) {
    symlinkSync('../x@.service', join(place.cwd, `multi-user.target.wants/x@${port}.service`));
  }
  const { stdout } = await place.fleetctl('import', 'x@.service', '--json');
  expect(written(place, 'x.yaml')).toMatchObject({ target: 3, ports: { base: 9001 } });
  expect(JSON.parse(stdout)).toMatchObject({
    unsupported: [{ file: 'x@.service.d/a.conf', directive: 'drop-in' }],
  });
});

test.each([
  [
    'ecosystem.config.js',
    "const n = require('./n');\nmodule.exports = { apps: [{ name: 'a', script: 'a', instances: n }] };\n",
  ],
  [
    'ecosystem.config.mjs',
    "import n from './n.js';\nexport default { apps: [{ name: 'a', script: 'a', instances: n }] };\n",
  ],
  [
    'ecosystem.config.js',
    "import n from './n.js';\nexport default { apps: [{ name: 'a', script: 'a', instances: n }] };\n",
  ],
])('%s is evaluated, with what it loads from its directory', async (file, text) => {
  const place = new Place();
  // The child is nobody where root imports.
  chmodSync(place.root, 0o755);
  place.write('n.js', 'module.exports = 3;\n');
  place.write(file, text);
  expect((await place.fleetctl('import', file)).stderr).toContain('1 fleet; everything was taken over.');
  expect(written(place, 'a.yaml')).toMatchObject({ name: 'a', target: 3 });
});

test('a script that prints, and exports what is no data, is taken over without that', async () => {
  const place = new Place();
  place.write(
    'ecosystem.config.cjs',
    "console.log('{}');\nmodule.exports = {\n  apps: [{ name: 'a', script: 'a', env: {\n    HOST: () => 1, N: 2n } }],\n};\n",
  );
  const { stdout } = await place.fleetctl('import', 'ecosystem.config.cjs', '--json');
  expect(JSON.parse(stdout)).toMatchObject({
    unsupported: [
      { line: 4, directive: 'apps.0.env.HOST', reason: 'a function is no data, and is left out' },
    ],
  });
  expect(written(place, 'a.yaml').env).toEqual({ N: '2' });
});

/** What a script does, and what its import then says. */
const ATTEMPTS: [what: string, text: string, message: RegExp][] = [
  ['reads elsewhere', "require('fs').readFileSync('/etc/passwd')", /Access to this API has been restricted/],
  ['starts a program', "require('child_process').execSync('id')", /Access to this API has been restricted/],
  [
    'starts a worker',
    "new (require('worker_threads').Worker)('1', { eval: true })",
    /Access to this API has been restricted/,
  ],
  ['writes', "require('fs').writeFileSync('x', '')", /Access to this API has been restricted/],
  ['never ends', 'for (;;);', /its evaluation takes longer than 5 s/],
  ['ends itself', 'process.exit(0)', /ended without a result, with exit code 0/],
  ['exports too much', "module.exports = 'x'.repeat(2 ** 21)", /it exports more than 1 MiB/],
  ['is wrong', '\n\nmodule.exports = nothing;', /nothing is not defined \(line 3\)/],
];

test.each(ATTEMPTS)('a script that %s is refused', async (_what, text, message) => {
  const place = new Place();
  chmodSync(place.root, 0o755);
  place.write('ecosystem.config.cjs', `${text}\n`);
  const refused = await place.fleetctl('import', 'ecosystem.config.cjs', '--json');
  expect([refused.code, errorOf(refused)]).toMatchObject([
    2,
    { code: 'FLEET_IMPORT_INVALID', message: expect.stringMatching(message) },
  ]);
});

test('a script sees neither the environment nor, if root imports, root', async () => {
  const place = new Place();
  place.write(
    'ecosystem.config.cjs',
    "module.exports = { apps: [{ name: 'a', script: 'a', env: { V: Object.keys(process.env).join(), U: process.getuid(), G: process.getgroups().join() } }] };\n",
  );
  expect((await place.fleetctl('import', 'ecosystem.config.cjs')).code).toBe(0);
  const { env } = written(place, 'a.yaml') as { env: Record<string, string> };
  expect(env.V).toBe('PATH');
  expect(env.U).toBe(isRoot ? '65534' : String(process.getuid!()));
  if (isRoot) expect(env.G).toBe('65534');
});

test('a directory that nobody can read is no obstacle, unless the script loads from it', async () => {
  const place = new Place();
  chmodSync(place.cwd, 0o700);
  place.write('e.config.cjs', "module.exports = { apps: [{ name: 'a', script: 'a' }] };\n");
  expect((await place.fleetctl('import', 'e.config.cjs')).code).toBe(0);
  place.write('n.js', 'module.exports = 1;\n');
  place.write('e.config.cjs', "require('./n'); module.exports = { apps: [] };\n");
  const { code, stderr } = await place.fleetctl('import', 'e.config.cjs');
  expect(code).toBe(2);
  if (isRoot) expect(stderr).toContain('The file is evaluated as nobody');
});

test.each([
  [['nothing.conf'], 'cannot read nothing.conf: there is no such file'],
  [['.'], 'cannot read .: it is no regular file'],
  [['notes.txt'], 'notes.txt looks like none of supervisord, pm2, systemd, procfile'],
  [
    ['notes.txt', '--from', 'foreman'],
    '--from must be one of supervisord, pm2, systemd, procfile, found "foreman"',
  ],
  [['notes.txt', '--from', 'procfile'], 'notes.txt:1: expected NAME: COMMAND, found "just words"'],
  [['Procfile', '--env', 'x'], '--env is for ecosystem files of pm2, and Procfile is none'],
  [['latin1'], 'cannot read latin1: it is not valid UTF-8'],
])('import %j is refused', async (args, message) => {
  const place = new Place();
  place.write('notes.txt', 'just words\n');
  place.write('Procfile', 'web: a\n');
  place.write('latin1', Buffer.from([0x5b, 0xe9, 0x5d]));
  const refused = await place.fleetctl('import', ...args, '--json');
  expect([refused.code, errorOf(refused).message]).toEqual([2, message]);
});

test('what cannot be written leaves everything as it was', async () => {
  const place = new Place();
  place.write('Procfile', 'web: a\nworker: b\n');
  mkdirSync(join(place.cwd, 'out/worker.yaml'), { recursive: true });
  const attempt = async (out: string) =>
    errorOf(await place.fleetctl('import', 'Procfile', '--out', out, '--force', '--json')).message;
  expect(await attempt('out')).toBe('out/worker.yaml is a directory; nothing was written');
  expect(await attempt('Procfile')).toContain('cannot write into Procfile');
  expect(readdirSync(join(place.cwd, 'out'))).toEqual(['worker.yaml']);
  expect(readdirSync(place.cwd).sort()).toEqual(['Procfile', 'out']);
});

test('a secret stays as well kept as it was', async () => {
  const place = new Place();
  place.write('supervisord.conf', '[program:x]\ncommand=a\nenvironment=SECRET="1"\n');
  chmodSync(join(place.cwd, 'supervisord.conf'), 0o600);
  expect((await place.fleetctl('import', 'supervisord.conf')).code).toBe(0);
  expect(statSync(join(place.cwd, 'x.yaml')).mode & 0o777).toBe(0o600);
});
