import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Message, Viewer } from '../../src/daemon/dashboard/viewer.ts';

/** A browser's end of a connection, which reads or does not. */
class FakeResponse extends EventEmitter {
  written: string[] = [];
  isRead = true;
  isDestroyed = false;

  write(text: string): boolean {
    this.written.push(text);
    return this.isRead;
  }

  destroy(): void {
    this.isDestroyed = true;
    this.emit('close');
  }

  get ids(): string[] {
    return this.written.flatMap((text) => /^id: (.*)$/m.exec(text)?.[1] ?? []);
  }
}

const message = (id: string): Message => ({ id, data: '{}' });
let response: FakeResponse;
/** What came after the message that somebody has: all of it. */
let kept: Message[] = [];
const since = (last: string | null) => {
  const at = kept.findIndex(({ id }) => id === last);
  return at < 0 ? [message('whole')] : kept.slice(at + 1);
};
const view = (lastId: string | null = null) =>
  new Viewer(response as unknown as ServerResponse, lastId, since);

beforeEach(() => {
  vi.useFakeTimers();
  response = new FakeResponse();
  kept = [];
});
afterEach(() => {
  response.destroy();
  vi.useRealTimers();
});

test('sends everything at first, and then each message', () => {
  const viewer = view();
  viewer.send(message('1'));
  expect(response.ids).toEqual(['whole', '1']);
});

test('sends just what was missed to one that comes back', () => {
  kept = ['1', '2', '3'].map(message);
  view('1');
  expect(response.ids).toEqual(['2', '3']);
});

test('keeps nothing for one that does not read, and lets it catch up when it has', () => {
  const viewer = view();
  response.isRead = false;
  for (const id of ['1', '2', '3']) {
    kept.push(message(id));
    viewer.send(message(id));
  }
  expect(response.ids).toEqual(['whole', '1']);
  response.isRead = true;
  response.emit('drain');
  expect(response.ids).toEqual(['whole', '1', '2', '3']);
});

test('stops catching up where a message fills the connection again', () => {
  kept = ['1', '2', '3'].map(message);
  response.isRead = false;
  view('1');
  expect(response.ids).toEqual(['2']);
});

test('tells one that there is nothing new for that the connection lives', () => {
  view();
  response.written = [];
  vi.advanceTimersByTime(30_000);
  expect(response.written).toEqual([': still here\n\n', ': still here\n\n']);
});

test('lets one go that has not read for a minute', () => {
  response.isRead = false;
  view();
  vi.advanceTimersByTime(59_000);
  expect(response.isDestroyed).toBe(false);
  vi.advanceTimersByTime(30_000);
  expect(response.isDestroyed).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});
