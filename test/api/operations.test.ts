import { globSync } from 'node:fs';
import { expect, test } from 'vitest';
import { urlOf } from '../../src/api/call.ts';
import { OPERATIONS } from '../../src/api/operations.ts';
import type { Client } from '../../src/cli/client.ts';

test('no operation takes the name of another, or its method and path', async () => {
  const files = globSync(new URL('../../src/api/*.ts', import.meta.url).pathname);
  const modules = (await Promise.all(files.map((file) => import(file)))) as Record<string, object>[];
  const tables = modules.flatMap((each) =>
    Object.entries(each).filter(([name]) => /^[A-Z]+_OPERATIONS$/.test(name)),
  );
  const names = tables.flatMap(([, table]) => Object.keys(table));
  expect(names.toSorted()).toEqual(Object.keys(OPERATIONS).toSorted());
  const routes = Object.values(OPERATIONS).map(({ method, path }) => `${method} ${path}`);
  expect(new Set(routes).size).toBe(routes.length);
});

test('parameters go where the operation has them, and what is null or absent is left out', () => {
  expect(urlOf('status', {})).toBe('/v1/status');
  expect(urlOf('log', { fleet: 'web', slot: 7, lines: 10, follow: null })).toBe(
    '/v1/fleets/web/slots/7/log?lines=10',
  );
  expect(urlOf('agents', { fleet: null, slots: '1,3-4', usage: true })).toBe(
    '/v1/agents?slots=1%2C3-4&usage=true',
  );
  expect(urlOf('watch', { fleet: '../$&', goal: { kind: 'ready', target: 1 } })).toBe(
    '/v1/fleets/..%2F%24%26/watch?goal=%7B%22kind%22%3A%22ready%22%2C%22target%22%3A1%7D',
  );
});

test('the type checker refuses calls that the table does not declare', () => {
  const refused = (client: Client) => {
    // @ts-expect-error there is no such operation
    client.call('kil', { fleet: 'web' }, { all: true });
    // @ts-expect-error the path has a parameter
    client.call('kill', {}, { all: true });
    // @ts-expect-error it has a body
    client.call('kill', { fleet: 'web' });
    // @ts-expect-error the body has no such field
    client.call('kill', { fleet: 'web' }, { slot: 1 });
    // @ts-expect-error it has no body
    client.call('hold', { fleet: 'web' }, {});
    // @ts-expect-error the query has no such parameter
    client.call('agents', { slot: '1' });
    // @ts-expect-error a parameter of the query is required
    client.lines('watch', { fleet: 'web' });
    // @ts-expect-error it answers with one document
    client.lines('status', {});
    // @ts-expect-error the answer has no such key
    client.call('status').then(({ agents }) => agents);
  };
  expect(refused).toBeTypeOf('function');
});
