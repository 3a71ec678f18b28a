import { describe, expect, test } from 'vitest';
import { DAMAGES, FILES, type Outcome, SHAPES, Specimen } from './damage.ts';
import { inMemory, STRIDE_BYTES, tell } from './scratch.ts';

const shapes = Object.keys(SHAPES) as (keyof typeof SHAPES)[];
const damages = Object.keys(DAMAGES) as (keyof typeof DAMAGES)[];

describe.each(shapes)('%s', (shape) => {
  test.each(damages)('%s in any one file loses nothing that was accepted, or is named', (damage) => {
    const specimen = new Specimen(inMemory(), shape);
    const counts = { harmless: 0, told: 0 };
    const wrong: string[] = [];
    for (const file of FILES) {
      for (let at = 0; at < specimen.size(file); at += STRIDE_BYTES) {
        const outcome: Outcome = specimen.open(file, damage, at);
        if (typeof outcome === 'object') wrong.push(`${file} at ${at}: ${outcome.wrong}`);
        else counts[outcome]++;
      }
    }
    tell(`${shape}, ${damage}: ${JSON.stringify(counts)}`);
    expect(wrong).toEqual([]);
    expect(counts.told).toBeGreaterThan(0);
  });
});
