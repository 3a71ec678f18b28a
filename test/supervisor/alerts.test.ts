import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AlertsRecord, CONDITIONS, type Condition } from '../../src/fleet/alerts.ts';
import {
  ATTEMPTS_MAX,
  NO_ALERTS,
  noteConditions,
  retryAfterMs,
  type Sight,
  type Sights,
  UNSENT_MAX,
  withoutOldest,
} from '../../src/supervisor/alerts.ts';

const AT = '2026-03-01T10:00:00.000Z';
const CALM = { at: AT, isSilenced: false, isSending: false };
const OVER: Sight = { holds: false, reason: 'over' };

/** What is seen where these conditions hold, and no other does. */
function seen(...holding: Condition[]): Sights {
  const sights = CONDITIONS.map((each): [Condition, Sight] => [
    each,
    holding.includes(each) ? { holds: true, reason: `${each} now` } : OVER,
  ]);
  return Object.fromEntries(sights) as Sights;
}

const words = ({ unsent }: AlertsRecord) => unsent.map(({ condition, state }) => `${condition} ${state}`);

test('a condition is told once when it begins and once when it ends, the begin first', () => {
  const begun = noteConditions(NO_ALERTS, seen('held'), CALM);
  expect(begun).toEqual({
    open: ['held'],
    unsent: [{ condition: 'held', state: 'begin', reason: 'held now', sample: null, at: AT }],
  });
  expect(noteConditions(begun, seen('held'), CALM)).toBe(begun);
  const ended = noteConditions(begun, seen(), CALM);
  expect(words(ended)).toEqual(['held begin', 'held end']);
  expect(ended.open).toEqual([]);
  expect(noteConditions(ended, seen(), CALM)).toBe(ended);
  expect(words(withoutOldest(ended))).toEqual(['held end']);
});

test('a begin says since when, with the end of the output; both texts are bounded', () => {
  const since = '2026-03-01T09:00:00.000Z';
  const sight = { holds: true, reason: 'r'.repeat(9_999), sample: `first${'s'.repeat(9_999)}last`, since };
  const { unsent } = noteConditions(NO_ALERTS, { ...seen(), held: sight as Sight }, CALM);
  expect(unsent[0]).toMatchObject({ at: since, sample: expect.stringMatching(/^s+last$/) });
  expect(JSON.stringify(unsent[0]).length).toBeLessThan(7_000);
});

test('what cannot be told yet changes nothing', () => {
  const leaking = noteConditions(NO_ALERTS, seen('leak'), CALM);
  expect(noteConditions(leaking, { ...seen(), leak: null }, CALM)).toBe(leaking);
});

test('during maintenance no begin is told; afterwards it is, if the condition still holds', () => {
  const silent = { ...CALM, isSilenced: true };
  expect(noteConditions(NO_ALERTS, seen('held'), silent)).toBe(NO_ALERTS);
  expect(words(noteConditions(NO_ALERTS, seen('held'), CALM))).toEqual(['held begin']);
});

test('an end is told during maintenance too, as it raises no alarm', () => {
  const told = withoutOldest(noteConditions(NO_ALERTS, seen('held'), CALM));
  expect(words(noteConditions(told, seen(), { ...CALM, isSilenced: true }))).toEqual(['held end']);
});

test('maintenance takes back the begins that still wait, but not the one that is being sent', () => {
  const waiting = noteConditions(NO_ALERTS, seen('held', 'leak'), CALM);
  const ended = noteConditions(waiting, seen('held'), CALM);
  const silent = { ...CALM, isSilenced: true };
  expect(noteConditions(ended, seen('held'), silent)).toEqual({ open: [], unsent: [] });
  const sending = noteConditions(ended, seen('held'), { ...silent, isSending: true });
  expect({ open: sending.open, words: words(sending) }).toEqual({ open: ['held'], words: ['held begin'] });
});

test('attempts come further and further apart, and end within minutes', () => {
  const pauses = Array.from({ length: ATTEMPTS_MAX }, (_, i) => retryAfterMs(i + 1));
  expect(pauses).toEqual([5_000, 15_000, 45_000, 135_000, null]);
});

test('whatever holds, is silenced or sent when: begins and ends alternate, in order, and no more wait than may', () => {
  const step = fc.record({
    holding: fc.subarray([...CONDITIONS]),
    isSilenced: fc.boolean(),
    isSending: fc.boolean(),
    sends: fc.nat(2),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let record = NO_ALERTS;
      const heard = new Map<Condition, string>();
      for (const { holding, isSilenced, isSending, sends } of steps) {
        const oldest = record.unsent[0];
        record = noteConditions(record, seen(...holding), { at: AT, isSilenced, isSending });
        if (isSending && oldest) expect(record.unsent[0]).toBe(oldest);
        expect(record.unsent.length).toBeLessThanOrEqual(UNSENT_MAX);
        if (!isSilenced) expect(new Set(record.open)).toEqual(new Set(holding));
        for (let i = 0; i < sends && record.unsent.length > 0; i++) {
          const { condition, state } = record.unsent[0]!;
          expect(heard.get(condition) ?? 'end').not.toBe(state);
          heard.set(condition, state);
          record = withoutOldest(record);
        }
      }
      for (const { condition, state } of record.unsent) {
        expect(heard.get(condition) ?? 'end').not.toBe(state);
        heard.set(condition, state);
      }
      for (const condition of CONDITIONS)
        expect(heard.get(condition) === 'begin').toBe(record.open.includes(condition));
    }),
  );
});
