import { writeFileSync } from 'node:fs';
import { DERIVED } from './derived.ts';

for (const [path, text] of Object.entries(DERIVED)) {
  writeFileSync(new URL(`../../${path}`, import.meta.url), await text());
}
