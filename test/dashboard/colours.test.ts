import { describe, expect, test } from 'vitest';
import { CELL_STATES, type Cell } from '../../src/api/dashboard.ts';
import { colourOf, memoryRange, PALETTES, type Theme } from '../../src/dashboard/colours.ts';

const THEMES: readonly Theme[] = ['light', 'dark'];
const cell = (rssKib: number, state = 2, release = 0): Cell => [0, state, release, rssKib, 0];

/** The channels of `#rrggbb`, linear, from 0 to 1 (sRGB's transfer function, IEC 61966-2-1). */
function linear(colour: string): [number, number, number] {
  const channel = (at: number) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

/** WCAG 2's contrast ratio. */
function contrast(one: string, other: string): number {
  const luminance = ([r, g, b]: [number, number, number]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
  const [dark, light] = [luminance(linear(one)), luminance(linear(other))].sort((a, b) => a - b);
  return (light! + 0.05) / (dark! + 0.05);
}

/**
 * What a colour is to those without one kind of cone: Viénot, Brettel and Mollon's matrices of 1999, which leave one
 * axis from yellow to blue, and lightness.
 */
const MISSING_CONE: Record<string, (rgb: [number, number, number]) => [number, number, number]> = {
  protanopia: ([r, g, b]) => [
    0.11238 * r + 0.88762 * g,
    0.11238 * r + 0.88762 * g,
    0.00401 * r - 0.00401 * g + b,
  ],
  deuteranopia: ([r, g, b]) => [
    0.29275 * r + 0.70725 * g,
    0.29275 * r + 0.70725 * g,
    -0.02234 * r + 0.02234 * g + b,
  ],
};

/** How far two colours are apart for the eye: the Euclidean distance in OKLab (0.02 is just noticeable). */
function distance(one: [number, number, number], other: [number, number, number]): number {
  const [a, b] = [oklab(one), oklab(other)];
  return Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!, a[2]! - b[2]!);
}

function oklab([r, g, b]: [number, number, number]): number[] {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

describe.each(THEMES)('the colours of the %s theme', (theme) => {
  const { ground, states, releases, memory, unknown } = PALETTES[theme];

  test('stand out from the ground (WCAG 1.4.11)', () => {
    const faint = [...Object.values(states), ...releases, ...memory, unknown].filter(
      (colour) => contrast(colour, ground) < 3,
    );
    expect(faint).toEqual([]);
  });

  test.each(Object.keys(MISSING_CONE))('tell what runs well from every trouble, with %s', (kind) => {
    const seen = (colour: string) => MISSING_CONE[kind]!(linear(colour));
    const alike = (['unready', 'backoff', 'failed'] as const).filter(
      (state) => distance(seen(states.ready), seen(states[state])) < 0.15,
    );
    expect(alike).toEqual([]);
  });

  test('tell every state, some releases and little memory from much', () => {
    const byState = CELL_STATES.map((_name, state) => colourOf(cell(1, state), 'state', theme, null));
    expect(new Set(byState).size).toBe(CELL_STATES.length);
    expect(colourOf(cell(1, 2, 0), 'release', theme, null)).not.toBe(
      colourOf(cell(1, 2, 1), 'release', theme, null),
    );
    expect(colourOf(cell(1, 2, -1), 'release', theme, null)).toBe(unknown);
    const range = { from: 1_000, to: 7_000 };
    const shown = [0, 1_000, 6_999, 7_000, 1e9, -1].map((kib) => colourOf(cell(kib), 'memory', theme, range));
    expect(shown).toEqual([memory[0], memory[0], memory[5], memory[5], memory[5], unknown]);
  });
});

describe('the range of memory', () => {
  test('reaches over what most agents use, not to the odd one', () => {
    const cells = Array.from({ length: 1_000 }, (_, index) => cell(8_000 + index));
    const range = memoryRange([...cells, cell(900_000), cell(-1)])!;
    expect(range.from).toBeLessThanOrEqual(8_010);
    expect(range.to).toBeGreaterThanOrEqual(8_980);
    expect(range.to).toBeLessThan(12_000);
  });

  test('stays where it is while memory moves a little', () => {
    const at = (kib: number) => memoryRange([cell(kib), cell(2 * kib)]);
    expect(at(8_200)).toEqual(at(8_210));
  });

  test('is none where nothing is known', () => {
    expect(memoryRange([cell(-1)])).toBeNull();
  });
});
