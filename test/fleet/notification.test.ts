import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseNotification } from '../../src/fleet/notification.ts';

const NOTHING = {
  ready: false,
  watchdog: false,
  reloading: false,
  stopping: false,
  mainPid: null,
  extendMs: null,
};

test.each([
  ['READY=1', { ready: true }],
  ['READY=1\nSTATUS=up', { ready: true }],
  ['STATUS=READY=1', {}],
  ['READY=0', {}],
  ['WATCHDOG=1', { watchdog: true }],
  ['WATCHDOG=trigger', {}],
  ['RELOADING=1\nMONOTONIC_USEC=7', { reloading: true }],
  ['RELOADING=1\nREADY=1\nMAINPID=4711', { reloading: true, ready: true, mainPid: 4_711 }],
  ['STOPPING=1\n', { stopping: true }],
  ['EXTEND_TIMEOUT_USEC=5000000', { extendMs: 5_000 }],
  ['EXTEND_TIMEOUT_USEC=-1', {}],
  ['MAINPID=0', {}],
  ['MAINPID=12x', {}],
  ['MAINPID=1\nMAINPID=2', { mainPid: 2 }],
  ['', {}],
])('of %j, a supervisor takes %j', (text, taken) => {
  expect(parseNotification(text)).toEqual({ ...NOTHING, ...taken });
});

test('no message breaks it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { mainPid, extendMs } = parseNotification(text);
      expect(mainPid === null || mainPid > 0).toBe(true);
      expect(extendMs === null || extendMs >= 0).toBe(true);
    }),
  );
});
