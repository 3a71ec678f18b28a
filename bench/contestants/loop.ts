import { join } from 'node:path';
import { launch, run } from '../commands.ts';
import { isAlive } from '../processes.ts';
import { Contestant, fromDebian } from './contestant.ts';

const SOURCE = new URL('../loop.c', import.meta.url).pathname;

/** The limit: a C program that does posix_spawn in a loop and nothing else. It brings nothing back. */
export class Loop extends Contestant {
  readonly name = 'C loop';
  override readonly kind = 'limit';
  override readonly tools = [{ program: 'cc', get: fromDebian('build-essential') }];
  readonly #program = join(this.place.directory, 'loop');
  readonly #running: number[] = [];

  async version(): Promise<string> {
    return (await this.output('cc', '-dumpfullversion')).trim();
  }

  override async prepare(): Promise<void> {
    await run(this.place, 'cc', ['-O2', '-Wall', '-Werror', '-o', this.#program, SOURCE]);
  }

  async start(): Promise<void> {
    await this.#loop(this.place.portBase, this.place.agents);
  }

  async stop(): Promise<void> {
    for (const pid of this.#running.filter(isAlive)) process.kill(pid, 'SIGTERM');
  }

  override async bringBack(first: number, count: number): Promise<void> {
    await this.#loop(first, count);
  }

  async #loop(first: number, count: number): Promise<void> {
    this.#running.push(await launch(this.place, this.#program, [this.place.busybox, `${first}`, `${count}`]));
  }
}
