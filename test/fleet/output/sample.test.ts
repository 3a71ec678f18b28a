import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { chooseSample, weighOutput } from '../../../src/fleet/output/sample.ts';

/** What the programs wrote, byte for byte but for paths of the host that they ran on. */
function fixture(name: string): string {
  return readFileSync(new URL(`fixtures/${name}.txt`, import.meta.url), 'utf8');
}

const GO =
  'panic: listen tcp :8080: bind: address already in use\n\ngoroutine 1 [running]:\nmain.main()\n\t/srv/app/main.go:11 +0x1d4\nexit status 2\n';

describe('the lines that say why', () => {
  test.each<[name: string, ...why: string[]]>([
    [
      'node-module',
      "Error: Cannot find module './missing-module'",
      '- /srv/app/a.js',
      "code: 'MODULE_NOT_FOUND'",
    ],
    ['node-port', 'Error: listen EADDRINUSE: address already in use 127.0.0.1:39871'],
    ['python-module', "ModuleNotFoundError: No module named 'nosuchmodule'"],
    [
      'python-chain',
      'RuntimeError: cannot load the configuration',
      "FileNotFoundError: [Errno 2] No such file or directory: '/nonexistent/config.json'",
    ],
    ['python-usage', "server.py: error: argument port: invalid int value: '1x'"],
    [
      'rust',
      'panicked at d.rs:1:110:\ncalled `Result::unwrap()` on an `Err` value: "config: missing key `listen`"',
    ],
    [
      'java',
      'java.lang.IllegalStateException: could not start the listener',
      'Caused by: java.net.BindException: Cannot assign requested address',
    ],
    ['nginx', '[emerg]', 'invalid port in "127.0.0.1:1x"'],
    ['redis', '*** FATAL CONFIG FILE ERROR', "\n>>> 'listen 80'\nBad directive or wrong number of arguments"],
    ['perl', 'cannot open /nonexistent: No such file or directory at p.pl line 1.'],
    ['shell', "cd: can't cd to /nonexistent/dir"],
    ['shell-not-found', 'sh: 1: nosuchprogram: not found'],
  ])('of %s', (name, ...why) => {
    const sample = chooseSample(fixture(name))!;
    for (const line of why) expect(sample).toContain(line);
  });

  test('of Go', () => {
    expect(chooseSample(GO)).toContain('panic: listen tcp :8080: bind: address already in use');
  });

  test('are found before a hundred frames', () => {
    const frames = Array.from({ length: 100 }, (_, i) => `    at f${i} (/srv/app/a.js:${i}:1)`).join('\n');
    const sample = chooseSample(`start\nTypeError: x is not a function\n${frames}\n\nNode.js v24.1.0\n`)!;
    expect(sample.split('\n')).toEqual([
      'start',
      'TypeError: x is not a function',
      '    at f0 (/srv/app/a.js:0:1)',
    ]);
  });

  test('are shown once, however often they are repeated', () => {
    const again = Array.from({ length: 500 }, (_, i) => `10:00:${i} connect: Connection refused (try ${i})`);
    const sample = chooseSample(`loading\n${again.join('\n')}\nFATAL: giving up\n`)!;
    expect(sample).toContain('FATAL: giving up');
    expect(sample).toContain('(try 499)');
  });

  test('of a later failure come before those of an earlier one', () => {
    const earlier = Array.from({ length: 30 }, (_, i) => `KeyError: 'k${'x'.repeat(i)}'`).join('\n');
    expect(chooseSample(`${earlier}\nValueError: the last one\n`)).toContain('ValueError: the last one');
  });
});

describe('a sample', () => {
  test('is null without output', () => {
    expect([chooseSample(''), chooseSample('\n \n\t\n'), chooseSample('\0\0\n')]).toEqual([null, null, null]);
  });

  test('of output that says nothing is its end', () => {
    const lines = Array.from({ length: 20 }, (_, i) => `step ${i}`);
    expect(chooseSample(lines.join('\n'))?.split('\n')).toEqual(lines.slice(-10));
  });

  test('is bounded, whatever the output is', () => {
    for (const output of [
      'x'.repeat(65_536),
      'Error: '.repeat(9_000),
      'Error: y\n'.repeat(7_000),
      `Error: ${'é'.repeat(30_000)}`,
    ]) {
      const sample = chooseSample(output)!;
      expect(sample.length).toBeLessThanOrEqual(1_100);
      expect(sample.split('\n').length).toBeLessThanOrEqual(20);
    }
  });

  test('marks what it leaves out, and has no colours', () => {
    const quiet = Array.from({ length: 20 }, (_, i) => `quiet ${i}`).join('\n');
    const sample = chooseSample(`\x1b[31mError: first\x1b[0m\nat once\n${quiet}`)!;
    expect(sample).toMatch(/^Error: first\nat once\n…\nquiet \d+\n/);
  });

  test('is chosen from whichever of two logs has more to say', () => {
    expect(weighOutput('Error: no')).toBeGreaterThan(weighOutput('it failed'));
    expect(weighOutput('it failed')).toBeGreaterThan(weighOutput('started'));
    expect(weighOutput('')).toBe(0);
  });
});
