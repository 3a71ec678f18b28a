import { describe, expect, test } from 'vitest';
import type { AgentRow } from '../../src/api/agents.ts';
import type { FleetStatus } from '../../src/api/fleets.ts';
import { drawTop, namesInTurn, type TopState } from '../../src/cli/top/view.ts';
import { widthOf } from '../../src/cli/width.ts';
import { fleetOf, statusOf } from './harness.ts';

const HELD = {
  reason: '模块未找到, 30 of 30 agents failed to start',
  since: '2026-03-01T10:00:00Z',
  sample: null,
};
const lastExit = { code: 1, signal: null, reason: '模块未找到'.repeat(20), at: '2026-03-01T10:00:00Z' };

function stateOf(fleets: FleetStatus[], agents = 0, chosen = fleets[0]?.name ?? null): TopState {
  const agent = (slot: number): AgentRow => ({
    ...{ fleet: chosen ?? '', slot, state: 'backoff', pid: 4_000_000 + slot, port: 10_000 + slot },
    ...{
      socket: '/s',
      dir: '/d',
      release: 'r1',
      restarts: slot,
      startedAt: null,
      rssBytes: 2 ** 30,
      lastExit,
    },
  });
  const rows = Array.from({ length: agents }, (_, slot) => agent(slot));
  const nothing = { sort: 'slot', scroll: 0, nowMs: 0, problem: null } as const;
  return { status: statusOf(fleets), agents: rows, trends: new Map(), fleet: chosen, ...nothing };
}

function hundred(): FleetStatus[] {
  const fleets = Array.from({ length: 100 }, (_, i) => fleetOf(`customer-${i}-with-a-long-name-xyz`));
  fleets[60] = fleetOf('held', { ready: 1, held: HELD });
  fleets[70] = fleetOf('failing', { ready: 1, failed: 2 });
  return fleets;
}

const draw = (state: TopState, columns: number, rows: number, paint = (_: unknown, text: string) => text) =>
  drawTop(state, { columns, rows }, paint);

describe('the screen', () => {
  test.each([
    [60, 15],
    [80, 24],
    [140, 50],
    [20, 8],
  ])('has just the size of a terminal of %i by %i, whatever there is to show', (columns, rows) => {
    for (const paint of [(_: unknown, text: string) => text, (_: unknown, text: string) => `<${text}>`]) {
      for (const state of [stateOf(hundred(), 3_000), stateOf(hundred()), stateOf([])]) {
        const lines = draw(state, columns, rows, paint).map((line) => line.replaceAll(/[<>]/g, ''));
        expect(lines).toHaveLength(rows);
        for (const line of lines) expect(widthOf(line.trimEnd())).toBeLessThanOrEqual(columns);
      }
    }
  });

  test('shows the fleet whose agents are listed, then the worst, and counts the others', () => {
    const fleets = hundred();
    const screen = draw(stateOf(fleets, 3, fleets[5]!.name), 140, 50).join('\n');
    expect(screen).toMatch(
      />customer-5-.*\nheld .*\n.*failing .*\n97 others: all 291 agents ready\nheld: held: 模块未找到/,
    );
  });

  test('leaves room for agents also on a small screen', () => {
    expect(
      draw(stateOf(hundred(), 40), 60, 15).filter((line) => /^ *\d+ +backoff/.test(line)).length,
    ).toBeGreaterThan(4);
  });
});

test('keys go through the fleets from the worst', () => {
  expect(namesInTurn(statusOf(hundred())).slice(0, 2)).toEqual(['held', 'failing']);
});
