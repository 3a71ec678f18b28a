import type { Share } from './spec.ts';
import { onlyKey, scalar, type Type } from './types.ts';
import {
  formatDuration,
  formatSize,
  PATTERNS,
  parseDuration,
  parsePercent,
  parseRate,
  parseShare,
  parseSize,
} from './units.ts';

/** Ten years: longer than any host runs. */
const DURATION_MS_MAX = 3_650 * 86_400_000;

const PERCENT_NUMBER = { type: 'number', minimum: 0, maximum: 100 };

/** A length of time of at least `minMs`. */
export function duration(minMs = 0): Type<number, 'Ms'> {
  const atLeast = minMs === 0 ? '' : `, at least ${formatDuration(minMs)}`;
  const pattern = { type: 'string', pattern: PATTERNS.duration.source };
  return scalar(
    {
      suffix: 'Ms',
      expected: `a duration such as 500ms, 3s, 5m, 1h or 30d${atLeast}`,
      schema: minMs === 0 ? { anyOf: [pattern, { const: 0 }] } : pattern,
      parsed: { type: 'integer', minimum: minMs, maximum: DURATION_MS_MAX },
    },
    (value) => {
      const ms = parseDuration(value);
      return ms !== null && ms >= minMs && ms <= DURATION_MS_MAX ? ms : null;
    },
    (value) => {
      const isScalar = typeof value === 'number' || typeof value === 'string';
      if (isScalar && /^[1-9]\d*$/.test(`${value}`)) return `; the unit is missing: ${value}s or ${value}ms?`;
      return (parseDuration(value) ?? 0) > DURATION_MS_MAX ? '; the maximum is 3650d' : '';
    },
  );
}

/** An amount of memory or disk of at least `minBytes`. */
export function size(minBytes: number): Type<number, 'Bytes'> {
  return scalar(
    {
      suffix: 'Bytes',
      expected: `a size such as 64K, 256M or 1G, at least ${formatSize(minBytes)}`,
      schema: {
        anyOf: [
          { type: 'string', pattern: PATTERNS.size.source },
          { type: 'integer', minimum: minBytes },
        ],
      },
      parsed: { type: 'integer', minimum: minBytes },
    },
    (value) => {
      const bytes = parseSize(value);
      return bytes !== null && bytes >= minBytes ? bytes : null;
    },
  );
}

/** Growth of memory over time. */
export const RATE: Type<number, 'BytesPerHour'> = scalar(
  {
    suffix: 'BytesPerHour',
    expected: 'a rate such as 100M/h',
    schema: { type: 'string', pattern: PATTERNS.rate.source },
    parsed: { type: 'integer', minimum: 0 },
  },
  parseRate,
);

export const PERCENT: Type<number, 'Percent'> = scalar(
  {
    suffix: 'Percent',
    expected: 'a share such as 20%',
    schema: { type: 'string', pattern: PATTERNS.percent.source },
    parsed: PERCENT_NUMBER,
  },
  parsePercent,
);

/** A number of agents or a share of the fleet, above 0, or 0 or more. */
export function share(from: 'above 0' | '0 or more'): Type<Share, ''> {
  const min = from === 'above 0' ? 1 : 0;
  const percent = { type: 'string', pattern: PATTERNS.percent.source };
  return scalar(
    {
      suffix: '',
      expected: `a number of agents or a share such as 10%, ${from}`,
      schema: { anyOf: [{ type: 'integer', minimum: min }, percent] },
      parsed: {
        anyOf: [onlyKey('count', { type: 'integer', minimum: min }), onlyKey('percent', PERCENT_NUMBER)],
      },
    },
    (value) => {
      const parsed = parseShare(value);
      if (parsed === null) return null;
      const amount = 'count' in parsed ? parsed.count : parsed.percent;
      return amount > 0 || min === 0 ? parsed : null;
    },
  );
}
