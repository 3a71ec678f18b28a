import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { allUnsupported } from '../../src/import/draft.ts';
import { fleetText } from '../../src/import/emit.ts';
import { kindOf } from '../../src/import/kind.ts';
import { parseSpec } from '../../src/specification/parse.ts';
import { readSpecText } from '../../src/specification/yaml.ts';
import { FIXTURES, importFixture } from './fixtures.ts';

test.each(['supervisord', 'pm2', 'systemd', 'procfile'])('there are ten configurations of %s', (kind) => {
  expect(FIXTURES.filter((each) => each.kind === kind)).toHaveLength(10);
});

test.each(FIXTURES)('$kind/$file becomes the fleets that are expected of it', async (fixture) => {
  const imported = await importFixture(fixture);
  const texts = imported.fleets.map((fleet, at) => fleetText(fleet, at === 0 ? imported.unsupported : []));
  const findings = allUnsupported(imported).map(
    ({ file, line, directive, reason }) => `# ${file}:${line} ${directive}: ${reason}`,
  );
  await expect(`${[...texts, findings.join('\n')].join('---\n')}\n`).toMatchFileSnapshot(
    `expected/${fixture.kind}/${fixture.file}.txt`,
  );
});

test.each(FIXTURES)('$kind/$file is recognised', ({ kind, file }) => {
  const text = readFileSync(new URL(`fixtures/${kind}/${file}`, import.meta.url), 'utf8');
  expect(kindOf({ file, text })).toBe(kind);
});

test.each(FIXTURES)('$kind/$file: every file is accepted by parseSpec', async (fixture) => {
  const { fleets } = await importFixture(fixture);
  for (const fleet of fleets) {
    const text = fleetText(fleet);
    expect(parse(text)).toEqual(fleet.spec);
    const document = readSpecText(text, `${fleet.name}.yaml`)[0]!.value;
    expect(() => parseSpec(document)).not.toThrow();
  }
});

test.each(FIXTURES)('$kind/$file: every finding is a comment in a file', async (fixture) => {
  const imported = await importFixture(fixture);
  const text = imported.fleets
    .map((fleet, at) => fleetText(fleet, at === 0 ? imported.unsupported : []))
    .join('')
    .replace(/\n# */g, ' ')
    .replace(/ +/g, ' ');
  for (const { directive, file, line, reason } of allUnsupported(imported)) {
    expect(text).toContain(directive);
    expect(text).toContain(`(${file}:${line}): ${reason}`);
  }
});
