import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until, World } from '../e2e/harness.ts';
import { CHROMIUM, dashboard, launch, titled, Viewed } from './harness.ts';

const PORT = 23_950;
const AGENTS = 40;
/** Says something that a page must not take for its own, and sleeps. Killed soon after its start, it waits. */
const SPEC = {
  name: 'web',
  command: ['sh', '-c', `echo '<img src=x id=planted> in slot {slot}'; exec sleep 100000`],
  env: { VERSION: '1' },
  ready: { after: '1ms' },
  rounds: { parallel: 20, delay: '0s' },
  restart: { backoff: { min: '4s', max: '4s' }, storm: 'off' },
  update: { batch: 10, wait: '1s' },
};

let browser: Browser;
let world: World;
let url: string;
const specFile = (version: string) =>
  world.write('fleet.json', JSON.stringify({ ...SPEC, env: { VERSION: version } }));

describe.skipIf(!CHROMIUM)(titled('the dashboard in a browser'), () => {
  const opened: Viewed[] = [];
  beforeAll(async () => {
    browser = await launch();
    world = new World();
    await world.ok('spawn', String(AGENTS), '-f', specFile('1'));
    url = await dashboard(world, PORT);
  });
  afterEach(async () => {
    const complaints = opened.flatMap((viewed) => viewed.complaints);
    for (const { page } of opened.splice(0)) await page.close();
    expect(complaints).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    await world.dispose();
  });
  const open = async () => {
    const viewed = await Viewed.open(browser, url);
    opened.push(viewed);
    return viewed;
  };

  test('shows an agent that was killed, and that it came back', async () => {
    const viewed = await open();
    await viewed.shows('#map-title', /^40 of 40 ready$/);
    await viewed.pointAt(3);
    await viewed.says(/^Slot 3, ready/);
    const drawnBefore = await viewed.settled();
    process.kill((await world.ps())[3]!.pid!, 'SIGKILL');
    await viewed.says(/^Slot 3, backoff/);
    await viewed.shows('#map-title', /^39 of 40 ready$/);
    await viewed.shows('#legend', /backoff 1/);
    await viewed.shows('#events', /killed by SIGKILL/);
    await viewed.says(/^Slot 3, ready.*, \d+ restarts?$/);
    // A handful of changes of this one cell, and not the map over and over again.
    expect((await viewed.drawn()) - drawnBefore).toBeLessThan(AGENTS);
    await viewed.shows('#exits', /SIGKILL1/);
  });

  test('tells all about an agent, by keys alone, and takes its output for text', async () => {
    const viewed = await open();
    await viewed.pointAt(7);
    await viewed.page.keyboard.press('Enter');
    await viewed.shows('#details-title', /^Slot 7$/);
    await viewed.shows('#output', /<img src=x id=planted> in slot 7/);
    const { pid } = (await world.ps())[7]!;
    await viewed.shows('#facts', new RegExp(`Pid${pid}`));
    expect(await viewed.page.locator('#planted').count()).toBe(0);
    await viewed.page.keyboard.press('Escape');
    await viewed.page.locator('#details').waitFor({ state: 'hidden' });
    await viewed.page.keyboard.press('ArrowRight');
    await viewed.says(/^Slot 8,/);
  });

  test('tells of the cell under the mouse, and opens the one that is clicked', async () => {
    const viewed = await open();
    await viewed.shows('#map-title', /^40 of 40 ready$/);
    await viewed.page.locator('#cells').hover({ position: { x: 5, y: 5 } });
    const { pid } = (await world.ps())[0]!;
    await viewed.shows('#tip', new RegExp(`^Slot 0, ready, .*pid ${pid}$`));
    await viewed.page.locator('#cells').click({ position: { x: 5, y: 5 } });
    await viewed.shows('#details-title', /^Slot 0$/);
  });

  test.each([
    [1400, 1000],
    [1920, 1080],
    [1440, 900],
    [1080, 1900],
    [390, 844],
  ])(
    'has charts that are wider than high, and nothing beside the page, at %i by %i',
    async (width, height) => {
      const viewed = await Viewed.open(browser, url, { viewport: { width, height } });
      opened.push(viewed);
      await viewed.shows('#map-title', /^40 of 40 ready$/);
      await viewed.shows('#pressure-now', /used \d+ %/);
      await viewed.settled();
      for (const chart of await viewed.page.locator('.chart').all()) {
        const box = (await chart.boundingBox())!;
        expect(box.height).toBeGreaterThan(60);
        expect(box.width / box.height).toBeGreaterThan(0.95);
      }
      expect(await viewed.page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    },
  );

  test('shows a rollout moving, with the verdict of each batch', async () => {
    const viewed = await open();
    await viewed.page.getByText('release', { exact: true }).click();
    const rollout = world.ok('rolling-update', '-f', specFile('2'));
    await viewed.shows('#rollout-text', /running/);
    await viewed.shows('#rollout-text', /: running · [123]0 of 40 updated/);
    await viewed.shows('#verdicts li >> nth=-1', /✓ Batch 1: 10 agents, 0 failed/);
    await viewed.shows('#rollout-text', /done · 40 of 40 updated/);
    await rollout;
    expect(await viewed.page.locator('#verdicts li').count()).toBe(4);
  });

  test('goes on after a reload with what was chosen, and after the supervisor was replaced', async () => {
    const viewed = await open();
    await viewed.page.getByText('memory', { exact: true }).click();
    await viewed.page.reload();
    await viewed.shows('#map-title', /^40 of 40 ready$/);
    expect(await viewed.page.locator('#by [value=memory]').isChecked()).toBe(true);
    await world.killSupervisor();
    await viewed.shows('#connection', /connection lost/);
    await world.ok('spawn', String(AGENTS + 5), '--fleet', 'web');
    await viewed.shows('#map-title', /^45 of 45 ready$/);
    await viewed.shows('#connection', /^live$/);
    // What the browser says of a connection that it could not make is no fault of the page.
    viewed.complaints.splice(
      0,
      viewed.complaints.length,
      ...viewed.complaints.filter((text) => !/ERR_/.test(text)),
    );
    await world.ok('kill', '5');
    await until(async () => (await viewed.page.locator('#map-title').textContent()) === '40 of 40 ready');
  });
});
