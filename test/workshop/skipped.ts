import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { lacks } from './lacks.ts';

/** Lists at the end of a run the tests that were skipped and what the machine lacks; vitest only counts them. */
export class Skipped implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')]);
    if (skipped.length === 0) return;
    const names = skipped.map((test: TestCase) => `  ${test.module.relativeModuleId}: ${test.fullName}\n`);
    process.stdout.write(
      `\nSkipped:\n${names.join('')}This machine lacks: ${lacks().join(', ') || 'nothing'}.\n`,
    );
  }
}
