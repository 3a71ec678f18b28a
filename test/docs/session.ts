import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { World } from '../e2e/harness.ts';
import type { Block } from './markdown.ts';

const CHECKOUT = new URL('../../', import.meta.url).pathname;

/** Runs the blocks of one page as a reader would: in order, in one directory, with fleetctl on the PATH. */
export class Session {
  readonly #world = new World({ PATH: `${CHECKOUT}bin:${process.env.PATH}` });
  readonly #directory = join(this.#world.root, 'w');
  /** What the last commands printed; null where they were not run. */
  #output: string | null = null;

  constructor() {
    // Readers work where every user may enter: agents with users of their own run programs from there.
    chmodSync(this.#world.root, 0o755);
    mkdirSync(this.#directory);
  }

  /**
   * Takes the next block: writes a file, runs commands, or holds the output shown against the real one.
   * @throws Error where commands end otherwise than the page says, or a line that is shown was not printed
   */
  async take({ language, text, note }: Block): Promise<void> {
    if (note?.key === 'file') this.#write(note.value, text);
    else if (language === 'sh') await this.#run(text, note);
    else if (language === 'text' && this.#output !== null) expectShown(text, this.#output);
  }

  dispose(): Promise<void> {
    return this.#world.dispose();
  }

  #write(name: string, text: string): void {
    const path = join(this.#directory, name);
    mkdirSync(dirname(path), { recursive: true });
    // As an editor saves it: a page that wants it executable has to say so.
    writeFileSync(path, text, { mode: 0o644 });
  }

  async #run(commands: string, note: Block['note']): Promise<void> {
    this.#output = null;
    if (note?.key === 'not run') return;
    const inCheckout = note?.key === 'in the checkout';
    const expected = note?.key === 'exit' ? Number(note.value) : 0;
    const { code, output } = await this.#shell(
      inCheckout ? note.value : commands,
      inCheckout ? CHECKOUT : this.#directory,
    );
    if (code !== expected) throw new Error(`exit ${code} instead of ${expected}\n${commands}\n${output}`);
    this.#output = output;
  }

  /** Runs commands in a shell of their own, ended by the first that fails, with both outputs in one. */
  #shell(commands: string, cwd: string): Promise<{ code: number; output: string }> {
    return new Promise((resolve) => {
      execFile(
        'sh',
        ['-e', '-c', `exec 2>&1\n${commands}`],
        { cwd, env: this.#world.env, maxBuffer: 2 ** 24 },
        (error, stdout) => resolve({ code: (error as { code?: number } | null)?.code ?? 0, output: stdout }),
      );
    });
  }
}

/** Every line that a page shows was printed, in this order; numbers and names of releases may differ, … leaves lines out. */
function expectShown(shown: string, printed: string): void {
  const rest = printed.split('\n').map(shapeOf);
  for (const line of shown.split('\n').filter((each) => !/^\s*…?\s*$/.test(each))) {
    const at = rest.indexOf(shapeOf(line));
    if (at < 0) throw new Error(`not printed: ${line}\nprinted was:\n${printed}`);
    rest.splice(0, at + 1);
  }
}

/** A line with what differs from run to run taken out: times, releases, numbers with their units, widths of columns. */
function shapeOf(line: string): string {
  return (
    line
      .replace(/\d{4}-\d\d-\d\d[T ]+\d\d:\d\d:\d\d(\.\d+Z)?/g, 'TIME')
      .replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b/g, 'RELEASE')
      .replace(/\d[\d,.:]*( ?(%|[KMG]i?B?|ms|[smh]))?(?![\w])/g, '#')
      // A column may still be empty: PSS is measured when there is time for it.
      .replace(/(?<=\s)-(?=\s)/g, '#')
      .replace(/(# )+(?=#)/g, '')
      .replace(/\s+/g, ' ')
      .trim()
  );
}
