import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from '../../src/fleet/heap.ts';

test('gives what was pushed in the order of its keys, whenever it is taken out', () => {
  const operation = fc.option(fc.record({ key: fc.integer({ min: 0, max: 20 }), value: fc.nat() }));
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const heap = new Heap();
      let model: { key: number; value: number }[] = [];
      for (const pushed of operations) {
        expect(heap.next).toBe(Math.min(...model.map(({ key }) => key)));
        if (pushed) {
          heap.push(pushed.key, pushed.value);
          model.push(pushed);
        } else {
          const least = model.filter(({ key }) => key === heap.next);
          const popped = heap.pop();
          const taken = least.find(({ value }) => value === popped);
          expect(least.length === 0 ? popped === undefined : taken !== undefined).toBe(true);
          model = model.filter((each) => each !== taken);
        }
      }
    }),
  );
});

test('has nothing due when it is empty', () => {
  const heap = new Heap();
  expect(heap.next).toBe(Number.POSITIVE_INFINITY);
  expect(heap.pop()).toBeUndefined();
});
