import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { World } from '../e2e/harness.ts';

/** Longer than the page waits for a window that is being resized. */
const SETTLE_MS = 500;
/** Debian's Chromium; null where there is none. */
export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => existsSync(path),
);

/** What a suite that needs a browser is called, with the reason where it is skipped. */
export function titled(title: string): string {
  return CHROMIUM ? title : `${title} (skipped: no chromium; apt-get install chromium)`;
}

/** A browser without a window. Root has no sandbox to start it in. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox', '--disable-gpu'] });
}

/** A page that was opened, and what a user must never see in it. */
export class Viewed {
  readonly page: Page;
  /** Errors and warnings of the console, uncaught errors, answers that are errors, and requests to anywhere else. */
  readonly complaints: string[] = [];

  private constructor(page: Page, origin: string) {
    this.page = page;
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('response', (response) => {
      if (response.status() >= 400) this.complaints.push(`${response.status()} ${response.url()}`);
    });
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== origin) this.complaints.push(`asks ${request.url()}`);
    });
  }

  /** Opens a URL in a browser of its own settings, which `before` may prepare. */
  static async open(
    browser: Browser,
    url: string,
    options: BrowserContextOptions = {},
    before: (page: Page) => Promise<unknown> = async () => {},
  ): Promise<Viewed> {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, ...options });
    const viewed = new Viewed(page, new URL(url).origin);
    await before(page);
    await page.goto(url);
    return viewed;
  }

  /** Puts the cursor on a slot of a fleet that has every slot from 0, by keys. */
  async pointAt(slot: number): Promise<void> {
    await this.page.locator('#map').focus();
    await this.page.keyboard.press('ArrowRight');
    await this.says(/^Slot 0,/);
    for (let at = 0; at < slot; at++) await this.page.keyboard.press('ArrowRight');
    await this.says(new RegExp(`^Slot ${slot},`));
  }

  /** Waits until the cell under the cursor is said to be so. */
  says(words: RegExp): Promise<void> {
    return this.shows('#spoken', words);
  }

  /** Waits until an element shows such a text. */
  async shows(selector: string, text: RegExp): Promise<void> {
    await this.page.locator(selector).filter({ hasText: text, visible: true }).waitFor({ timeout: 60_000 });
  }

  /** How many cells were drawn so far. */
  async drawn(): Promise<number> {
    return Number(await this.page.locator('#cells').getAttribute('data-drawn'));
  }

  /** How many cells were drawn once nothing moves: the first paths may be made twice, as scroll bars come late. */
  async settled(): Promise<number> {
    for (let before = -1; ; ) {
      const drawn = await this.drawn();
      if (drawn === before) return drawn;
      before = drawn;
      await sleep(SETTLE_MS);
    }
  }
}

/** Turns the page on; gives its URL, token included. */
export async function dashboard(world: World, port: number): Promise<string> {
  const { stdout } = await world.ok('dashboard', '--port', String(port), '--json');
  return (JSON.parse(stdout) as { url: string }).url;
}
