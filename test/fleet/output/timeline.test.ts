import { describe, expect, test } from 'vitest';
import { Timeline } from '../../../src/fleet/output/timeline.ts';

function timelineOf(...marks: [at: number, stdout: number, stderr: number][]): Timeline {
  const timeline = new Timeline();
  for (const [at, stdout, stderr] of marks) timeline.note({ at, ends: [stdout, stderr] });
  return timeline;
}

describe('marks', () => {
  test('say whether anything was written since the last one', () => {
    const timeline = new Timeline();
    expect(timeline.note({ at: 1, ends: [5, 0] })).toBe(true);
    expect(timeline.note({ at: 2, ends: [5, 0] })).toBe(false);
    expect(timeline.note({ at: 3, ends: [5, 1] })).toBe(true);
  });

  test('of a quiet time are its beginning and its end', () => {
    expect(timelineOf([1, 5, 0], [2, 5, 0], [3, 5, 0], [4, 9, 0]).marks).toEqual([
      { at: 1, ends: [5, 0] },
      { at: 3, ends: [5, 0] },
      { at: 4, ends: [9, 0] },
    ]);
  });

  test('never go back, even if the clock does', () => {
    expect(timelineOf([10, 1, 0], [5, 2, 0]).marks.map(({ at }) => at)).toEqual([10, 10]);
  });

  test('are bounded; the older ones get sparse, the newest and the oldest stay', () => {
    const timeline = new Timeline();
    for (let i = 1; i <= 10_000; i++) timeline.note({ at: i, ends: [i, 0] });
    const times = timeline.marks.map(({ at }) => at);
    expect(times.length).toBeLessThanOrEqual(48);
    expect(times[0]).toBe(1);
    expect(times.slice(-3)).toEqual([9_998, 9_999, 10_000]);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  test('survive as text, counted from where another supervisor begins', () => {
    const text = timelineOf([1, 100, 10], [2, 150, 10]).toText([120, 0]);
    expect(Timeline.fromText(text).marks).toEqual([
      { at: 1, ends: [-20, 10] },
      { at: 2, ends: [30, 10] },
    ]);
    expect(new Timeline().toText([0, 0])).toBe('');
    for (const damaged of ['', '1 2', 'x y z', '1 2 3.5', '1  2 3']) {
      expect(() => Timeline.fromText(damaged)).not.toThrow();
    }
    expect(Timeline.fromText('1 2').marks).toEqual([]);
    expect(Timeline.fromText('x 1 2').marks).toEqual([]);
  });

  test('tell where the logs ended at a time', () => {
    const timeline = timelineOf([10, 1, 0], [20, 2, 0]);
    expect(timeline.endsAt(9)).toBe(null);
    expect(timeline.endsAt(19)?.ends).toEqual([1, 0]);
    expect(timeline.endsAt(99)?.ends).toEqual([2, 0]);
  });
});

describe('spans', () => {
  test('are what was written between two marks, in order of time', () => {
    expect(timelineOf([10, 5, 0], [20, 5, 7], [30, 9, 9]).spans([0, 0], [12, 9])).toEqual([
      { from: null, until: 10, stdout: [0, 5], stderr: [0, 0] },
      { from: 10, until: 20, stdout: [5, 5], stderr: [0, 7] },
      { from: 20, until: 30, stdout: [5, 9], stderr: [7, 9] },
      { from: 30, until: null, stdout: [9, 12], stderr: [9, 9] },
    ]);
  });

  test('leave out what lies before or after the wanted positions', () => {
    expect(timelineOf([10, 5, 5], [20, 9, 9], [30, 20, 20]).spans([7, 9], [12, 12])).toEqual([
      { from: 10, until: 20, stdout: [7, 9], stderr: [9, 9] },
      { from: 20, until: 30, stdout: [9, 12], stderr: [9, 12] },
    ]);
  });

  test('are one without marks', () => {
    expect(new Timeline().spans([3, 0], [8, 0])).toEqual([
      { from: null, until: null, stdout: [3, 8], stderr: [0, 0] },
    ]);
    expect(new Timeline().spans([3, 0], [3, 0])).toEqual([]);
  });
});
