/**
 * npm run screenshots: the pictures of the dashboard in docs/images, of a fleet of real agents in the middle of a
 * rolling update, some of which fail. They are ended afterwards, whatever happens.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContextOptions } from 'playwright-core';
import { until, World } from '../../e2e/harness.ts';
import { CHROMIUM, dashboard, launch, Viewed } from '../harness.ts';

const PORT = 23_960;
const AGENTS = 400;
const PARALLEL = 60;
const IMAGES = new URL('../../../docs/images/', import.meta.url).pathname;
const PICTURES: Record<string, BrowserContextOptions> = {
  'dashboard-dark': { colorScheme: 'dark', viewport: { width: 1440, height: 900 } },
  'dashboard-light': { colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  'dashboard-phone': { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
};
/** So long the charts have time to get their curves. */
const CURVES_MS = 40_000;

/** Takes a while of its own to get ready, as a daemon does; in a few slots it fails, as in every fleet. */
const script = (version: string) => `
  echo "gateway ${version} of slot {slot}: tunnel up, registered with 3 relays"
  exec perl -e '
    my ($slot, $version) = (shift, shift);
    my @held = (1) x (1_000 * (20 + $slot * 37 % 90));
    select(undef, undef, undef, 0.05 + $slot % 17 / 4);
    die "the relay refused the identity of slot $slot\n" if $slot % 67 == 5;
    syswrite STDOUT, "ready\\n";
    use IO::Socket::UNIX;
    my $ready = IO::Socket::UNIX->new(Local => shift, Listen => 1);
    sleep 1 while 1;
  ' {slot} ${version} {socket}`;
const spec = (version: string) => ({
  name: 'gateway',
  command: ['sh', '-c', script(version)],
  target: AGENTS,
  ports: { base: 24_000 },
  ready: { socket: true },
  rounds: { parallel: PARALLEL, delay: '0s' },
  restart: { backoff: { min: '5s', max: '10s' }, storm: 'off' },
  leak: { every: '1s', growth: '1G/h' },
  update: { batch: 90, wait: '3s', maxFailed: '10%' },
});

/** What an operator would look at: an agent that fails. */
async function openFailing(viewed: Viewed): Promise<void> {
  await viewed.pointAt(5);
  await viewed.page.keyboard.press('Enter');
}

if (!CHROMIUM) throw new Error('no chromium: apt-get install chromium');
const world = new World();
const browser = await launch();
try {
  const fleet = (version: string) => world.write('fleet.json', JSON.stringify(spec(version)));
  await world.fleetctl('spawn', '-f', fleet('4.1.0'), '--timeout', '60s');
  const url = await dashboard(world, PORT);
  const pages = new Map<string, Viewed>();
  for (const [name, options] of Object.entries(PICTURES))
    pages.set(name, await Viewed.open(browser, url, options));
  await openFailing(pages.get('dashboard-dark')!);
  await sleep(CURVES_MS);
  void world.fleetctl('rolling-update', '-f', fleet('4.2.0'), '--label', '4.2.0');
  await until(async () => ((await world.fleet()).rollout?.updated ?? 0) > AGENTS / 2);
  for (const [name, { page }] of pages) {
    await until(async () => (await world.fleet()).starting > PARALLEL / 3);
    await page.screenshot({ path: `${IMAGES}${name}.png` });
  }
} finally {
  await browser.close();
  await world.dispose();
}
