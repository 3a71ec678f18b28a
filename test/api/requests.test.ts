import { describe, expect, test } from 'vitest';
import { OPERATIONS, type OperationName } from '../../src/api/operations.ts';
import { requestReader } from '../../src/daemon/api/requests.ts';
import type { FleetError } from '../../src/errors/fleet-error.ts';
import { checkerOf, openapi, operationOf } from './schemas.ts';

interface Given {
  params?: object;
  query?: object;
  body?: unknown;
}

const WEB = { fleet: 'web' };

function read(name: OperationName, { params = {}, query = {}, body }: Given) {
  return requestReader(OPERATIONS[name])({ params, query, body });
}

/** The error that a request is refused with. */
function refusal(name: OperationName, given: Given): FleetError {
  try {
    read(name, given);
  } catch (error) {
    return error as FleetError;
  }
  throw new Error('it was taken');
}

describe('takes what the operation declares, and nothing is made up', () => {
  test.each<[OperationName, Given, object]>([
    ['status', {}, {}],
    ['spawn', { body: {} }, { body: {} }],
    ['spawn', {}, { body: {} }],
    ['spawn', { body: null }, { body: {} }],
    ['spawn', { body: { target: 0, force: false } }, { body: { target: 0, force: false } }],
    ['kill', { body: { slots: '10-19,25' } }, { body: { slots: '10-19,25' } }],
    ['hold', { body: { anything: 1 } }, { body: undefined }],
    ['remove', { query: { purge: 'false' } }, { query: { purge: false } }],
    ['agents', { query: { usage: '1', fleet: 'web' } }, { query: { usage: true, fleet: 'web' } }],
    ['events', { query: { limit: '7', after: '0' } }, { query: { limit: 7, after: 0 } }],
    ['log', { params: { slot: '17' } }, { path: { fleet: 'web', slot: 17 } }],
    [
      'watch',
      { query: { goal: '{"kind":"gone","slots":""}' } },
      { query: { goal: { kind: 'gone', slots: '' } } },
    ],
    ['serveMetrics', { body: { port: null } }, { body: { port: null } }],
    ['serveDashboard', { body: {} }, { body: {} }],
    [
      'rollingUpdate',
      { body: { spec: { any: 'thing' }, options: { batch: { percent: 0.5 }, maxFailed: { count: 0 } } } },
      { body: { spec: { any: 'thing' }, options: { batch: { percent: 0.5 }, maxFailed: { count: 0 } } } },
    ],
  ])('%s %j', (name, given, expected) => {
    const params = OPERATIONS[name].path.includes('{fleet}') ? { ...WEB, ...given.params } : {};
    expect(read(name, { ...given, params })).toMatchObject(expected);
  });
});

describe('refuses with the field, what was expected and what was found', () => {
  test.each<[OperationName, Given, string]>([
    [
      'spawn',
      { body: [] },
      'the body: expected a mapping (target, spec, baseDir, force), found an empty list',
    ],
    ['spawn', { body: { targets: 1 } }, 'targets: unknown key; did you mean target?'],
    ['spawn', { body: { target: '3' } }, 'target: expected a whole number from 0 to 1000000, found "3"'],
    ['spawn', { body: { baseDir: 'here' } }, 'baseDir: expected an absolute path, found "here"'],
    ['kill', { body: {} }, 'the body: expected exactly one of count, slots, all, found none'],
    [
      'kill',
      { body: { count: 1, all: true } },
      'the body: expected exactly one of count, slots, all, found count and all',
    ],
    ['kill', { body: { all: false } }, 'all: expected true, found false'],
    ['kill', { body: { slots: '9-1' } }, 'slots: expected slots such as 10-19,25'],
    ['setMaintenance', { body: {} }, 'on: expected true or false, found nothing; the key is required'],
    [
      'serveMetrics',
      { body: { port: 70_000 } },
      'port: expected a whole number from 1 to 65535, or null, found 70000',
    ],
    ['serveMetrics', { body: {} }, 'port: expected a whole number'],
    [
      'actOnRollout',
      { body: { action: 'stop' } },
      'action: expected one of pause, resume, abort, found "stop"',
    ],
    ['actOnStrays', { body: { action: 'kill', pids: [1, 'x'] } }, 'pids[1]: expected a whole number'],
    [
      'rollingUpdate',
      { body: { options: { batch: {} } } },
      'options.batch: expected exactly one of count, percent',
    ],
    [
      'rollingUpdate',
      { body: { options: { batch: { count: 0 } } } },
      'options.batch.count: expected a whole number from 1',
    ],
    [
      'rollingUpdate',
      { body: { options: { cannary: 1 } } },
      'options.cannary: unknown key; did you mean options.canary?',
    ],
    ['rollingUpdate', { body: { label: 'a b' } }, 'label: expected 1 to 64 letters'],
    ['agents', { query: { slot: '0' } }, 'slot: unknown key; did you mean slots?'],
    ['agents', { query: { usage: 'yes' } }, 'usage: expected true or false, found "yes"'],
    ['memory', { query: { pss: 'most' } }, 'pss: expected one of some, all, found "most"'],
    ['watch', { query: { goal: '{"kind":' } }, 'goal: expected the goal'],
    ['watch', {}, 'goal: expected the goal'],
    ['log', { params: { ...WEB, slot: '1000000' } }, 'slot: expected a whole number from 0 to 999999'],
  ])('%s %j', (name, given, message) => {
    const params = OPERATIONS[name].path.includes('{fleet}') ? { ...WEB, ...given.params } : {};
    const error = refusal(name, { ...given, params });
    expect(error.message).toContain(message);
    expect(error).toMatchObject({ code: 'REQUEST_INVALID', exitCode: 2 });
    expect(error.hint).toContain(`${OPERATIONS[name].method} ${OPERATIONS[name].path}`);
  });

  test('all problems of a request at once', () => {
    const { message } = refusal('spawn', { params: WEB, body: { target: -1, baseDir: '', spce: {} } });
    expect(message.split('\n').map((line) => line.split(':')[0])).toEqual(['spce', 'target', 'baseDir']);
  });
});

describe('a body that is refused is refused by its schema as well, and one that is taken is not', () => {
  const document = openapi();
  test.each<[OperationName, unknown, boolean]>([
    ['spawn', { target: 3, baseDir: '/', force: true }, true],
    ['spawn', { spec: { name: 'web', command: ['true'] } }, true],
    ['spawn', { target: -1 }, false],
    ['spawn', { targets: 1 }, false],
    ['kill', { count: 1 }, true],
    ['kill', { count: 1, all: true }, false],
    ['kill', {}, false],
    ['kill', { slots: 'x' }, false],
    ['serveDashboard', { port: null }, true],
    ['serveDashboard', { port: 0 }, false],
    ['rollingUpdate', { options: { batch: { count: 1, percent: 1 } } }, false],
    ['rollingUpdate', { options: { batch: { count: 1 } } }, true],
    ['actOnStrays', { action: 'adopt', pids: [1] }, true],
    ['actOnStrays', { pids: [1] }, false],
  ])('%s %j: %j', (name, body, isTaken) => {
    const { schema } = operationOf(document, name).requestBody!.content['application/json']!;
    expect(checkerOf(document)(schema)(body)).toBe(isTaken);
    const params = OPERATIONS[name].path.includes('{fleet}') ? WEB : {};
    const reading = () => read(name, { params, body });
    if (isTaken) reading();
    else expect(reading).toThrow();
  });
});
