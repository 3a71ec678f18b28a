import { expect, test } from 'vitest';
import { Backlog } from '../../src/daemon/dashboard/backlog.ts';

test('tells what came after a message, and nothing after the latest', () => {
  const backlog = new Backlog();
  const begin = backlog.id;
  const messages = ['a', 'b', 'c'].map((data) => backlog.add(data));
  expect(backlog.since(begin)).toEqual(messages);
  expect(backlog.since(messages[0]!.id)).toEqual(messages.slice(1));
  expect(backlog.since(backlog.id)).toEqual([]);
});

test('knows nothing of ids that are another’s, made up, or of the future', () => {
  const backlog = new Backlog();
  backlog.add('a');
  const [epoch] = backlog.id.split('.');
  for (const id of [null, '', 'x', new Backlog().id, `${epoch}.2`, `${epoch}.x`, `${epoch}.-1`])
    expect(backlog.since(id), String(id)).toBeNull();
});

test('is bounded: the oldest messages give way, and who missed them is told everything', () => {
  const backlog = new Backlog();
  const begin = backlog.id;
  const large = 'x'.repeat(2 ** 19);
  const ids = Array.from({ length: 6 }, () => backlog.add(large).id);
  expect(backlog.since(begin)).toBeNull();
  expect(backlog.since(ids[0]!)).toBeNull();
  expect(backlog.since(ids[1]!)).toHaveLength(4);
});
