import { describe, expect, test } from 'vitest';
import {
  type AgentProgram,
  agentProgram,
  type CommandWord,
  type Fingerprint,
  learnFingerprints,
  matchesFingerprint,
  type Suspect,
} from '../../src/fleet/strays/fingerprint.ts';

const word = (text: string, file: string | null = null): CommandWord => ({ text, file });
/** The command's words; `*` is a placeholder. */
const words = (text: string): CommandWord[] =>
  text.split(' ').map((each) => (each === '*' ? null : word(each)));

function program(command: string, real: string, interpreter: string | null = null): AgentProgram {
  const called = command.split(' ')[0]!;
  return agentProgram(words(command), { called, real: `/opt/bin/${real}`, interpreter });
}

function fingerprint(of: AgentProgram, file = '8:1', path = '/opt/bin/thing'): Fingerprint {
  return { files: new Set([file]), paths: new Set([path]), program: of };
}

/** One file that is many programs, told by these words. */
const shared = (operands: readonly CommandWord[]): AgentProgram => ({
  kind: 'shared',
  called: null,
  words: operands,
  titles: new Set(),
});

/** A process that executes `path` with these words; `files` says which words name which files. */
function suspect(argv: string, path: string, file = '8:1', files: Record<string, string> = {}) {
  const split = argv.split(' ');
  return {
    executable: { file, path, isReplaced: false },
    argv: split,
    files: split.map((each) => files[each] ?? null),
  };
}

describe('what must be alike', () => {
  test.each([
    ['redis-server --port *', 'redis-server', null, 'binary'],
    ['agent -listen *', 'agent-1.2.3', null, 'binary'],
    ['bot.py --port *', 'bot.py', 'python3', 'script'],
    ['python3 bot.py', 'python3.11', null, 'shared'],
    ['busybox httpd -p *', 'busybox', null, 'shared'],
    ['httpd -p *', 'busybox', null, 'shared'],
    ['sh -c x', 'dash', null, 'shared'],
  ] as const)('%s, which is the file %s', (command, real, interpreter, kind) => {
    expect(program(command, real, interpreter).kind).toBe(kind);
  });
});

test('a program of the distribution is everybody’s, and one that was installed beside it is not', () => {
  for (const [real, kind] of [
    ['/usr/bin/sleep', 'shared'],
    ['/bin/sleep', 'shared'],
    ['/usr/local/bin/sleep', 'binary'],
    ['/var/lib/fleetd/releases/1/sleep', 'binary'],
  ]) {
    expect(agentProgram(words('sleep *'), { called: 'sleep', real: real!, interpreter: null }).kind).toBe(
      kind,
    );
  }
});

describe('a binary of its own', () => {
  const like = fingerprint(program('thing -p *', 'thing'));

  test('is known by its file, whatever its words and wherever it stands', () => {
    expect(matchesFingerprint(like, suspect('other -x', '/home/me/other'))).toBe(true);
    expect(matchesFingerprint(like, suspect('thing -p 1', '/opt/bin/thing', '8:2'))).toBe(false);
  });

  test('is known by its path only where the file there is another one now', () => {
    const old = suspect('thing', '/opt/bin/thing', '8:2');
    expect(matchesFingerprint(like, { ...old, executable: { ...old.executable, isReplaced: true } })).toBe(
      true,
    );
    expect(matchesFingerprint(like, old)).toBe(false);
  });
});

describe('a script', () => {
  const like = fingerprint(program('bot.py --port *', 'bot.py', 'python3'), '8:7', '/srv/bot.py');
  const files = { './bot.py': '8:7', '/srv/bot.py': '8:7', other: '8:9' };

  test.each([
    ['python3 ./bot.py --port 1', '/usr/bin/python3.11', true],
    ['python3 -u /srv/bot.py', '/usr/bin/python3.11', true],
    ['vim ./bot.py', '/usr/bin/vim.basic', false],
    ['tail -f ./bot.py', '/usr/bin/tail', false],
    ['python3 other ./bot.py', '/usr/bin/python3.11', false],
    ['python3 -m pdb ./bot.py', '/usr/bin/python3.11', false],
    ['python3', '/usr/bin/python3.11', false],
  ])('is run by an interpreter that has it as its first operand: %s', (argv, path, expected) => {
    expect(matchesFingerprint(like, suspect(argv, path, '8:3', files))).toBe(expected);
  });

  test('is run by the interpreter that it names, known or not', () => {
    const exotic = fingerprint(program('bot.x', 'bot.x', 'xlang'), '8:7', '/srv/bot.x');
    expect(
      matchesFingerprint(exotic, suspect('xlang other', '/opt/xlang-2.1', '8:3', { other: '8:7' })),
    ).toBe(true);
  });
});

describe('one file that is many programs', () => {
  const python = fingerprint(shared([word('bot.py', '8:7'), ...words('--port *')]));
  const files = { '/srv/bot.py': '8:7' };

  test.each([
    ['python3 bot.py --port 9000', true],
    ['python3 -u /srv/bot.py --port 9000 --verbose', true],
    ['python3 bot.py', false],
    ['python3 bot.py --port', false],
    ['python3 other.py --port 9000', false],
    ['python3 -m http.server', false],
  ])('is told by its words in their order: %s', (argv, expected) => {
    expect(matchesFingerprint(python, suspect(argv, '/usr/bin/python3.11', '8:1', files))).toBe(expected);
  });

  test.each([
    ['busybox httpd -f -p 80', true],
    ['httpd -f -p 80', true],
    ['/usr/sbin/httpd -f -p 80', true],
    ['busybox sh -c httpd', false],
    ['sh', false],
  ])('goes by the name that it is called by: %s', (argv, expected) => {
    const httpd = fingerprint(program('httpd -f -p *', 'busybox'));
    expect(matchesFingerprint(httpd, suspect(argv, '/bin/busybox'))).toBe(expected);
  });

  test('is like nothing where no word is certain', () => {
    for (const command of ['sh *', 'sh']) {
      const shell = fingerprint(program(command, 'sh'));
      expect(matchesFingerprint(shell, suspect('sh x', '/bin/sh'))).toBe(false);
    }
  });
});

describe('what agents that run teach', () => {
  const command = words('--port *');
  const titled = (title: string, file = '8:1'): Suspect => suspect(title, '/usr/bin/redis-server', file);

  test('the title that they write over their words, whatever numbers are in it', () => {
    const system = fingerprint(shared(command));
    const [learnt] = learnFingerprints(system, command, [titled('redis-server *:7000')]);
    expect(matchesFingerprint(system, titled('redis-server *:7001'))).toBe(false);
    expect(matchesFingerprint(learnt!, titled('redis-server *:7001'))).toBe(true);
    expect(matchesFingerprint(learnt!, titled('redis-server 127.0.0.1:6379'))).toBe(false);
  });

  test('no title where their words are as they were started', () => {
    const [learnt] = learnFingerprints(fingerprint(shared(words('71'))), words('71'), [
      suspect('sleep 71', '/usr/bin/sleep'),
    ]);
    expect(matchesFingerprint(learnt!, suspect('sleep 72', '/usr/bin/sleep'))).toBe(false);
  });

  test('the executable that a wrapper makes way for, together with words that name the command’s files', () => {
    const shim = fingerprint(program('python3 bot.py --port *', 'python3', 'bash'), '8:5');
    const operands = [word('bot.py', '8:7'), ...words('--port *')];
    const files = { 'bot.py': '8:7' };
    const agent = suspect('python3 bot.py --port 1', '/opt/python3.11', '8:9', files);
    const learnt = learnFingerprints(shim, operands, [agent]);
    const isLearnt = (each: Suspect) => learnt.some((likely) => matchesFingerprint(likely, each));
    expect(isLearnt(suspect('python3 bot.py --port 2', '/opt/python3.11', '8:9', files))).toBe(true);
    expect(isLearnt(suspect('python3 other.py --port 2', '/opt/python3.11', '8:9'))).toBe(false);
  });

  test('nothing of strangers: an agent that executes somebody else’s program does not make that one look like ours', () => {
    const own = fingerprint(program('thing -p *', 'thing'));
    const learnt = learnFingerprints(own, words('-p *'), [suspect('sshd -p 22', '/usr/sbin/sshd', '8:9')]);
    expect(
      learnt.some((likely) => matchesFingerprint(likely, suspect('sshd -p 22', '/usr/sbin/sshd', '8:9'))),
    ).toBe(false);
  });
});
