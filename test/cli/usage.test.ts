import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { Place } from './harness.ts';

describe('usage', () => {
  test('a command line that makes no sense ends with 2, a message and a hint on stderr', async () => {
    const place = new Place();
    const wrong = [
      ['frobnicate'],
      ['kill'],
      ['kill', '5', '--all'],
      ['kill', '--slots', '9-3'],
      ['kill', '0'],
      ['spawn', 'many'],
      ['spawn', '-1'],
      ['spawn', '5', '--parallel', '3'],
      ['spawn', '-f', 'a.yaml', '--', 'true'],
      ['spawn', '--'],
      ['spawn', '--timeout', 'soon'],
      ['logs'],
      ['logs', 'one'],
      ['status', '--', 'x'],
      ['status', '--frob'],
      ['completion', 'tcsh'],
      ['status', '--fleet', '../x'],
    ];
    const ends = await Promise.all(wrong.map((args) => place.fleetctl(...args)));
    for (const [at, { code, stdout, stderr }] of ends.entries()) {
      expect({ args: wrong[at], code, stdout }).toEqual({ args: wrong[at], code: 2, stdout: '' });
      expect(stderr).toMatch(/^FLEET_[A-Z_]+: .+\n {2}.+\n$/);
    }
  });

  test('what is no command is named, with the nearest that is one, wherever it stands', async () => {
    const place = new Place();
    const said = async (...args: string[]) => {
      const { code, stdout, stderr } = await place.fleetctl(...args);
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
      return stderr;
    };
    const noStatu =
      'FLEET_USAGE: there is no command "statu"\n  Did you mean status? fleetctl --help lists all commands.\n';
    for (const args of [
      ['statu'],
      ['help', 'statu'],
      ['statu', '--help'],
      ['--fleet', 'web', 'statu', 'x'],
      ['--fleet', 'web', 'help', 'statu'],
    ])
      expect(await said(...args)).toBe(noStatu);
    expect(await said('help', 'frobnicate')).toContain('"frobnicate"\n  fleetctl --help lists');
    expect(await said('rollout', 'abrt')).toBe(
      'FLEET_USAGE: there is no rollout "abrt": it takes status, pause, resume, abort\n  Did you mean abort? Run fleetctl rollout --help.\n',
    );
    const json = await place.fleetctl('help', 'statu', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { message: 'there is no command "statu"' } });
    const known = [['help'], ['help', 'rollout'], ['--fleet', 'nope', 'status', '--help']];
    for (const args of known) expect(await place.fleetctl(...args)).toMatchObject({ code: 0, stderr: '' });
  });

  test('with --json, before or after the command, the error is the only document on stdout', async () => {
    const place = new Place();
    for (const args of [
      ['--json', 'kill'],
      ['kill', '--json'],
    ]) {
      const { code, stdout } = await place.fleetctl(...args);
      expect(code).toBe(2);
      expect(JSON.parse(stdout)).toEqual({
        error: {
          code: 'FLEET_USAGE',
          message: 'kill takes exactly one of COUNT, --slots and --all',
          hint: expect.any(String),
          exitCode: 2,
          retryable: false,
        },
      });
    }
  });

  test('--help and --version print to stdout and end with 0; no command at all ends with 2', async () => {
    const place = new Place();
    const [help, ofSpawn, version, none] = await Promise.all([
      place.fleetctl('--help'),
      place.fleetctl('spawn', '--help'),
      place.fleetctl('--version'),
      place.fleetctl(),
    ]);
    expect(help.code).toBe(0);
    for (const { name } of COMMANDS) expect(help.stdout).toContain(`  ${name} `);
    for (const flag of ['--no-autostart', '--port-base', '[-- COMMAND…]'])
      expect(ofSpawn.stdout).toContain(flag);
    expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(none.code).toBe(2);
    expect(none.stderr).toContain('Usage:');
  });

  test('completion scripts know every command and option', async () => {
    const place = new Place();
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, stdout } = await place.fleetctl('completion', shell);
      expect(code).toBe(0);
      for (const { name } of COMMANDS) expect(stdout).toContain(name);
      for (const option of ['with-agents', 'port-base', 'fleet']) expect(stdout).toContain(option);
    }
  });
});

describe('init', () => {
  test('writes a spec that refers to the schema, and overwrites nothing without --force', async () => {
    const place = new Place();
    const first = await place.fleetctl('init', '--json');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(first.stdout)).toEqual({ file: `${place.cwd}/fleet.yaml` });
    const again = await place.fleetctl('init');
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('fleet.yaml exists');
    expect((await place.fleetctl('init', '--force')).code).toBe(0);
    expect((await place.fleetctl('init', '-f', 'other.yaml')).code).toBe(0);
    expect((await place.fleetctl('init', '-f', 'no/such/dir.yaml')).code).toBe(2);
  });
});
