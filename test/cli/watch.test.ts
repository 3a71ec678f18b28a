import { describe, expect, test } from 'vitest';
import type { WatchLine } from '../../src/api/watch.ts';
import { clientOf, isAway } from '../../src/cli/client.ts';
import type { Progress } from '../../src/cli/progress.ts';
import { progressOn } from '../../src/cli/progress.ts';
import { watch } from '../../src/cli/watch.ts';
import { FleetError } from '../../src/errors/fleet-error.ts';
import { Place, progress } from './harness.ts';

const QUIET: Progress = { update: () => {}, note: () => {}, finish: () => {} };
const END: WatchLine = { kind: 'end', exitCode: 0, message: 'done' };
const never = new AbortController().signal;
const patience = { awayMsMax: 200, pauseMs: 10 };

async function* stream(...items: (WatchLine | Error)[]): AsyncGenerator<WatchLine> {
  for (const item of items) {
    if (item instanceof Error) throw item;
    yield item;
  }
}

const away = (): Error => new FleetError('SUPERVISOR_AWAY', 'no supervisor answers');

describe('watch', () => {
  test('survives any number of absences, each shorter than the limit', async () => {
    const streams = [
      [away()],
      [progress('web', 1, 3)],
      [away()],
      [progress('web', 2, 3), away()],
      [away()],
      [END],
    ];
    const open = (): AsyncGenerator<WatchLine> => stream(...streams.shift()!);
    const outcome = await watch({ open, progress: QUIET, patience, interrupted: never });
    expect(outcome).toMatchObject({ exitCode: 0, message: 'done', counts: { ready: 2 }, error: null });
  });

  test('gives up with 3 when the supervisor stays away', async () => {
    const open = (): AsyncGenerator<WatchLine> => stream(away());
    const outcome = await watch({ open, progress: QUIET, patience, interrupted: never });
    expect(outcome).toMatchObject({ exitCode: 3, error: { code: 'FLEET_SUPERVISOR_AWAY' } });
  });

  test('a stream that falls silent counts as broken', async () => {
    const place = new Place();
    await place.supervise([], { 'GET /v1/events': (_, response) => response.flushHeaders() });
    const next = clientOf(place.socketPath).lines('events', {}, { silenceMsMax: 50 }).next();
    expect(await next.catch(isAway)).toBe(true);
  });

  test('a refusal is final', async () => {
    const open = (): AsyncGenerator<WatchLine> => stream(new FleetError('UNKNOWN', 'there is no fleet web'));
    await expect(watch({ open, progress: QUIET, patience, interrupted: never })).rejects.toThrow(
      'no fleet web',
    );
  });

  test('a timeout counts also while the supervisor is away', async () => {
    const open = (): AsyncGenerator<WatchLine> => stream(away());
    const long = { awayMsMax: 60_000, pauseMs: 10_000 };
    const outcome = await watch({ open, progress: QUIET, patience: long, timeoutMs: 30, interrupted: never });
    expect(outcome).toMatchObject({ exitCode: 4, error: null });
  });
});

/** What a progress on this kind of stream writes while 0 … 100 agents get ready, one every 100 ms. */
function written(isTTY: boolean): string[] {
  const out: string[] = [];
  let nowMs = 0;
  const terminal = { isTTY, columns: 60, write: (text: string) => out.push(text) };
  const bar = progressOn(
    terminal as unknown as NodeJS.WriteStream & typeof process.stderr,
    'ready',
    () => nowMs,
  );
  for (let done = 0; done <= 100; done++) {
    bar.update(progress('web', done, 100) as Extract<WatchLine, { kind: 'progress' }>);
    nowMs += 100;
  }
  bar.finish();
  return out;
}

describe('progress', () => {
  test('in a pipe: a plain line at each tenth, with rate and time left, and none twice', () => {
    const out = written(false);
    expect(out).toHaveLength(11);
    expect(out[0]).toBe('web: 0 of 100 ready\n');
    expect(out[5]).toBe('web: 50 of 100 ready, 10/s, 5s left\n');
    expect(out[10]).toBe('web: 100 of 100 ready\n');
  });

  test('on a terminal: one line redrawn in place, cut to its width', () => {
    const out = written(true);
    for (const text of out.slice(0, -1)) {
      expect([text[0], text.slice(-3), text.includes('\n')]).toEqual(['\r', '\x1b[K', false]);
      expect(text.length).toBeLessThan(60 + 4);
    }
    expect(out.at(-1)).toBe('\n');
  });
});
