import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { World } from './harness.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.dispose());

const KIB = 1024;

function writeSpec(more = ''): void {
  world.write(
    'web.yaml',
    `name: web\ncommand: [sleep, "100000"]\ntarget: 2\nready: { after: 1ms }\nupdate: { wait: 1ms }\nenvFile: secret.env\n${more}\n`,
  );
}

async function environment(): Promise<string[]> {
  const [agent] = await world.ps();
  return readFileSync(`/proc/${agent!.pid}/environ`, 'utf8').split('\0');
}

test('what EnvironmentFile= can say arrives, and so do names with dots and dashes', async () => {
  writeSpec('env: { spring.application.name: web }');
  world.write(
    'secret.env',
    `# keys\nKEY="-----BEGIN\nAB==\n-----END"\nLONG=a \\\n  b\nexport QUOTED="a" and "b"\nx-y.z='$1 "'\n`,
  );
  await world.ok('spawn', '-f', 'web.yaml');
  expect(await environment()).toEqual(
    expect.arrayContaining([
      'KEY=-----BEGIN\nAB==\n-----END',
      'LONG=a   b',
      'QUOTED=aand "b"',
      'x-y.z=$1 "',
      'spring.application.name=web',
    ]),
  );
  await world.ok(
    'spawn',
    '1',
    '--name',
    'flags',
    '--ready',
    'after:1ms',
    '--env',
    'spring.port=1',
    '--',
    'sleep',
    '100',
  );
  expect(await environment()).toContain('spring.port=1');
});

test('what execve(2) would refuse is refused by the name of its variable, before anything starts', async () => {
  writeSpec();
  world.write('secret.env', `A=1\nTOKEN=${'x'.repeat(200 * KIB)}\n`);
  const refused = await world.fleetctl('spawn', '-f', 'web.yaml');
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining(
      'variable TOKEN of envFile has 204806 bytes with its name, but execve(2) takes 131071',
    ),
  ]);
  expect((await world.status()).fleets).toEqual([]);

  // The most that there may be, which the kernel takes.
  world.write('secret.env', `TOKEN=${'x'.repeat(131_071 - 6)}\n`);
  await world.ok('spawn', '-f', 'web.yaml');
  expect((await environment()).find((variable) => variable.startsWith('TOKEN='))).toHaveLength(131_071);

  const pids = (await world.ps()).map(({ pid }) => pid);
  writeSpec(`env: { MORE: "${'{dir}'.repeat(20_000)}" }`);
  const update = await world.fleetctl('rolling-update', '-f', 'web.yaml');
  expect(update.code).toBe(2);
  expect(update.stderr).toMatch(/env\.MORE has \d+ bytes with its name, but execve\(2\) takes 131071/);
  expect((await world.ps()).map(({ pid }) => pid)).toEqual(pids);
});

test('a total that is too large is refused with the largest variable', async () => {
  writeSpec();
  const many = Array.from({ length: 9 }, (_, i) => `V${i}=${'x'.repeat(110_000 + i)}\n`);
  world.write('secret.env', many.join(''));
  const more = Array.from({ length: 12 }, (_, i) => `W${i}: "${'{dir}'.repeat(3_000)}"`);
  writeSpec(`env: { ${more.join(', ')} }`);
  const { code, stderr } = await world.fleetctl('spawn', '-f', 'web.yaml');
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /command: words and environment have \d+ bytes together, but with a stack limit of 8M execve\(2\) takes 2097152; the largest is variable V8 of envFile with 110011/,
  );
});
