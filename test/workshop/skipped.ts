import type { Reporter, TestModule, Vitest } from 'vitest/node';
import { lacks } from './lacks.ts';

/** Lists at the end of a run the tests that were skipped and what the machine lacks; vitest only counts them. */
export class Skipped implements Reporter {
  #isChosen = false;

  onInit({ config }: Vitest): void {
    // With -t, all others count as skipped.
    this.#isChosen = config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')]);
    if (this.#isChosen || skipped.length === 0) return;
    const names = skipped.map((test) => `  ${test.module.relativeModuleId}: ${test.fullName}\n`);
    process.stdout.write(
      `\nSkipped:\n${names.join('')}This machine lacks: ${lacks().join(', ') || 'nothing'}.\n`,
    );
  }
}
