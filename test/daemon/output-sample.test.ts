import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FleetContext } from '../../src/daemon/fleet/context.ts';
import { Output } from '../../src/daemon/fleet/output.ts';
import type { Agent } from '../../src/fleet/agent.ts';
import { Logs } from '../../src/host/files/logs.ts';
import { pathsIn } from '../../src/specification/paths.ts';
import type { OutputRecord } from '../../src/store/runs.ts';

const SLOT = 0;

let root: string;
let log: string;
/** What the run database has. */
let records: Map<number, () => OutputRecord>;
let slot: { release: string; agent: Agent };

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'output-'));
  mkdirSync(join(root, 'logs/web'), { recursive: true });
  log = join(root, 'logs/web/0.log');
  records = new Map();
  slot = { release: 'a', agent: { state: 'pending', reason: 'new' } };
});
afterEach(() => rmSync(root, { recursive: true }));

/** The output of a fleet of one slot, as one supervisor has it. */
function outputOf(logs: Logs): Output {
  const context = {
    name: 'web',
    fleet: {
      spec: { logs: { to: 'file', maxSizeBytes: 2 ** 20, keep: 1, stderr: 'same' } },
      slots: new Map([[SLOT, slot]]),
      slot: () => slot,
    },
    services: {
      host: { files: { logs }, date: () => new Date() },
      paths: pathsIn(root, root),
      runs: {
        outputs: () => new Map([...records].map(([number, record]) => [number, record()])),
        setOutput: (_fleet: string, number: number, record: () => OutputRecord) =>
          records.set(number, record),
      },
    },
    signal: AbortSignal.abort(),
    wake: () => {},
  };
  return new Output(context as unknown as FleetContext);
}

function start(output: Output, release: string, words: string): void {
  output.open(SLOT, null);
  slot.agent = { state: 'ready', run: { release } } as Agent;
  appendFileSync(log, words);
}

/** The agent ends: by itself, or because it was asked to. */
function end(output: Output, state: 'ready' | 'stopping' = 'ready', cause = 'restart'): void {
  slot.agent = { ...slot.agent, state, cause } as Agent;
  output.exited(SLOT);
  slot.agent = { state: 'backoff', due: 0, reason: '' };
}

test('a sample is of the start that failed, also when the next one is running', () => {
  const output = outputOf(new Logs());
  start(output, 'a', 'first\n');
  end(output);
  expect(output.sample(SLOT)).toBe('first');
  start(output, 'a', 'second\n');
  expect(output.sample(SLOT)).toBe('first');
  end(output);
  expect(output.sample(SLOT)).toBe('second');
  start(output, 'a', '');
  end(output);
  expect(output.sample(SLOT)).toBe(null);
});

test('a sample of an agent that fails while it runs is of that one, not of one that was asked to end', () => {
  const output = outputOf(new Logs());
  start(output, 'a', 'asked to end\n');
  end(output, 'stopping');
  start(output, 'a', 'not well\n');
  slot.agent = { ...slot.agent, state: 'unready' } as Agent;
  expect(output.sample(SLOT)).toBe('not well');
});

test('a sample of an agent that never became ready is of that start', () => {
  const output = outputOf(new Logs());
  start(output, 'a', 'hangs\n');
  end(output, 'stopping', 'not-ready');
  start(output, 'a', 'hangs again\n');
  expect(output.sample(SLOT)).toBe('hangs');
});

test('a sample is never of another release', () => {
  const output = outputOf(new Logs());
  start(output, 'a', 'the old release failed\n');
  end(output);
  slot.release = 'b';
  start(output, 'b', 'new\n');
  expect(output.sample(SLOT)).toBe('new');
});

test('the next supervisor knows where the output of a start begins, also after a cut', async () => {
  const logs = new Logs();
  const output = outputOf(logs);
  start(output, 'a', 'an earlier start\n');
  end(output);
  start(output, 'a', 'this start\n');
  const next = () => {
    const other = outputOf(new Logs());
    other.start();
    return other;
  };
  expect(next().sample(SLOT)).toBe('this start');
  await logs.bound(log, { maxBytes: 30, keep: 1 });
  appendFileSync(log, 'goes on\n');
  expect(next().sample(SLOT)).toBe('this start\ngoes on');
});

test('nothing is shown where nobody knows where a start begins, or the log cannot be read', () => {
  appendFileSync(log, 'of whom?\n');
  const output = outputOf(new Logs());
  output.start();
  slot.agent = { state: 'ready', run: { release: 'a' } } as Agent;
  end(output);
  expect(output.sample(SLOT)).toBe(null);
  start(output, 'a', 'known\n');
  rmSync(log);
  symlinkSync('/etc/hostname', log);
  expect(output.sample(SLOT)).toBe(null);
});
