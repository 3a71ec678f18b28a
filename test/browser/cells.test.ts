import type { Browser, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CELL_STATES, type Cell, type Update } from '../../src/api/dashboard.ts';
import { World } from '../e2e/harness.ts';
import { CHROMIUM, dashboard, launch, titled, Viewed } from './harness.ts';

const PORT = 23_951;
const CELLS = 10_000;
const READY = CELL_STATES.indexOf('ready');
const FAILED = CELL_STATES.indexOf('failed');
const cell = (slot: number, state: number): Cell => [slot, state, 0, 8192, 0];

/** An update about a fleet of 10,000 that no machine for tests has. */
function update(isWhole: boolean, cells: Cell[]): Update {
  const fleet = { name: 'large', cells, ...(isWhole && { releases: ['r1'] }) };
  return { isWhole, fleets: [fleet], gone: [], events: [] };
}

describe.skipIf(!CHROMIUM)(titled('a map of 10,000 cells'), () => {
  let browser: Browser;
  let world: World;
  let url: string;
  beforeAll(async () => {
    browser = await launch();
    world = new World();
    await world.ok('spawn', '1', '--name', 'web', '--ready', 'after:1ms', '--', 'sleep', '100000');
    url = await dashboard(world, PORT);
  });
  afterAll(async () => {
    await browser.close();
    await world.dispose();
  });

  /** Each connection of the page gets the next message when the test gives it. */
  async function openFed(width: number): Promise<{ viewed: Viewed; feed: (next: Update) => void }> {
    const waiting: ((next: Update) => void)[] = [];
    const given: Update[] = [];
    const answer = async (route: Route) => {
      const next = given.shift() ?? (await new Promise<Update>((resolve) => waiting.push(resolve)));
      const body = `retry: 50\nid: x\ndata: ${JSON.stringify(next)}\n\n`;
      await route.fulfill({ contentType: 'text/event-stream', body }).catch(() => {});
    };
    const viewed = await Viewed.open(browser, url, { viewport: { width, height: 900 } }, (page) =>
      page.route('**/stream?*', answer),
    );
    const feed = (next: Update) => {
      const take = waiting.shift();
      if (take) take(next);
      else given.push(next);
    };
    return { viewed, feed };
  }

  test.each([1440, 390])('draws only the cells that changed, at a width of %i', async (width) => {
    const { viewed, feed } = await openFed(width);
    feed(
      update(
        true,
        Array.from({ length: CELLS }, (_, slot) => cell(slot, READY)),
      ),
    );
    await expect.poll(() => viewed.drawn()).toBeGreaterThanOrEqual(CELLS);
    const drawn = await viewed.settled();
    feed(
      update(
        false,
        [3, 77, 5_000, 9_999].map((slot) => cell(slot, FAILED)),
      ),
    );
    await expect.poll(() => viewed.drawn()).toBe(drawn + 4);
    const { width: mapWidth } = (await viewed.page.locator('#cells').boundingBox())!;
    expect(mapWidth).toBeLessThanOrEqual(width);
    await viewed.page.close();
  });
});
