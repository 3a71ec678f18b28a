import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { World } from '../e2e/harness.ts';
import { CHROMIUM, dashboard, launch, titled, Viewed } from './harness.ts';

const PORT = 23_952;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe.skipIf(!CHROMIUM)(titled('the dashboard, judged by axe-core'), () => {
  let browser: Browser;
  let world: World;
  let url: string;
  beforeAll(async () => {
    browser = await launch();
    world = new World();
    const spec = {
      name: 'web',
      command: ['sh', '-c', 'echo started; [ {slot} -lt 6 ] && exec sleep 100000'],
      ready: { after: '300ms' },
      restart: { storm: 'off' },
    };
    await world.fleetctl(
      'spawn',
      '8',
      '-f',
      world.write('fleet.json', JSON.stringify(spec)),
      '--timeout',
      '3s',
    );
    await world.ok('hold');
    url = await dashboard(world, PORT);
  });
  afterAll(async () => {
    await browser.close();
    await world.dispose();
  });

  test.each([
    { colorScheme: 'light', width: 1440 },
    { colorScheme: 'dark', width: 1440 },
    { colorScheme: 'light', width: 390 },
    { colorScheme: 'dark', width: 390 },
  ] as const)('finds nothing to object to: $colorScheme, $width px', async ({ colorScheme, width }) => {
    const viewed = await Viewed.open(browser, url, { colorScheme, viewport: { width, height: 900 } });
    await viewed.shows('#remarks', /Held: /);
    await viewed.page.getByText('release', { exact: true }).click();
    await viewed.pointAt(2);
    await viewed.page.keyboard.press('Enter');
    await viewed.shows('#output', /started/);
    await viewed.page.evaluate(AXE);
    const { violations, passes } = (await viewed.page.evaluate('axe.run()')) as AxeResults;
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
    expect(passes.length).toBeGreaterThan(20);
    expect(viewed.complaints).toEqual([]);
    await viewed.page.close();
  });
});
