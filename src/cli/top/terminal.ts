import { emitKeypressEvents, type Key } from 'node:readline';

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

/** Takes over the terminal for a screen that is redrawn, and restores it, even if the process exits early. */
export class Screen {
  readonly #onExit = () => process.stdout.write(LEAVE);
  #drawn = '';

  /**
   * @param onKey called with each key pressed
   * @param onResize called after the terminal's size has changed
   */
  constructor(onKey: (key: Key) => void, onResize: () => void) {
    process.stdout.write(ENTER);
    process.on('exit', this.#onExit);
    if (process.stdin.isTTY) {
      emitKeypressEvents(process.stdin);
      process.stdin.setRawMode(true);
      process.stdin.on('keypress', (_text, key: Key) => onKey(key));
    }
    process.stdout.on('resize', () => {
      this.#drawn = '';
      onResize();
    });
  }

  /** A serial console reports 0 for an unknown size. */
  get size(): { columns: number; rows: number } {
    return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
  }

  /** Draws these lines without flicker; writes nothing if nothing has changed. */
  draw(lines: readonly string[]): void {
    const text = `${HOME}${lines.map((line) => line + CLEAR_LINE).join('\r\n')}${CLEAR_BELOW}`;
    if (text !== this.#drawn) process.stdout.write(text);
    this.#drawn = text;
  }

  /** Restores the terminal. */
  close(): void {
    process.off('exit', this.#onExit);
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.stdin.pause();
    process.stdout.removeAllListeners('resize');
    process.stdout.write(LEAVE);
  }
}
