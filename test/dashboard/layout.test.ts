import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cornerOf, layOut, move, placeAt } from '../../src/dashboard/layout.ts';

const layouts = fc
  .tuple(
    fc.integer({ min: 1, max: 12_000 }),
    fc.integer({ min: 280, max: 3_000 }),
    fc.integer({ min: 200, max: 1_500 }),
  )
  .chain(([count, width, height]) =>
    fc
      .constantFrom(1, 1.25, 2, 3)
      .map((scale) => ({ count, width, scale, layout: layOut(count, width, height, scale) })),
  );

test('every cell has a place within the width, and is found again at it', () => {
  fc.assert(
    fc.property(layouts, fc.nat(), ({ count, width, scale, layout }, at) => {
      const place = at % count;
      const { x, y } = cornerOf(layout, place);
      expect(x + layout.size).toBeLessThanOrEqual(width * scale);
      expect(placeAt(layout, x, y)).toBe(place);
      expect(placeAt(layout, x + layout.size - 1, y + layout.size - 1)).toBe(place);
      expect(layout.rows * layout.columns).toBeGreaterThanOrEqual(count);
    }),
  );
});

test('keys never leave the map, whatever is pressed', () => {
  const keys = fc.array(
    fc.constantFrom('ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageUp', 'PageDown'),
  );
  fc.assert(
    fc.property(layouts, keys, ({ count, layout }, pressed) => {
      const place = pressed.reduce((from, key) => move(layout, from, key)!, 0);
      expect(place).toBeGreaterThanOrEqual(0);
      expect(place).toBeLessThan(count);
    }),
  );
});

test('10,000 cells fit a desktop’s map, and a phone’s width', () => {
  const desktop = layOut(10_000, 970, 450, 1);
  expect(desktop.rows * desktop.pitch).toBeLessThanOrEqual(450);
  expect(layOut(10_000, 350, 420, 3).columns * layOut(10_000, 350, 420, 3).pitch).toBeLessThanOrEqual(1_050);
});

test('fewer agents get larger cells; other keys move nothing', () => {
  expect(layOut(100, 970, 450, 1).pitch).toBeGreaterThan(layOut(1_000, 970, 450, 1).pitch);
  expect(move(layOut(100, 970, 450, 1), 5, 'x')).toBeNull();
});
