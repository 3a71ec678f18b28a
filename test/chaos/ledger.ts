import type { Fault } from './fault.ts';

/** How often a fault was tried, how often events told of it, and how often something was lost in its round. */
export interface Entry {
  tried: number;
  told: number;
  losses: number;
}

/** The account of a run. */
export class Ledger {
  readonly #entries: Map<string, Entry>;

  constructor(faults: readonly Fault[]) {
    this.#entries = new Map(faults.map(({ name }) => [name, { tried: 0, told: 0, losses: 0 }]));
  }

  /** Adds to the account of a fault. */
  add(name: string, { tried = 0, told = 0, losses = 0 }: Partial<Entry>): void {
    const entry = this.#entries.get(name)!;
    entry.tried += tried;
    entry.told += told;
    entry.losses += losses;
  }

  /** All faults together. */
  get total(): Entry {
    const sum = { tried: 0, told: 0, losses: 0 };
    for (const { tried, told, losses } of this.#entries.values()) {
      sum.tried += tried;
      sum.told += told;
      sum.losses += losses;
    }
    return sum;
  }

  /** The account as a table in Markdown, as docs/reliability.md has it. */
  table(): string {
    const rows = [
      ...[...this.#entries].filter(([, { tried }]) => tried > 0),
      ['**all**', this.total] as const,
    ].map(([name, { tried, told, losses }]) => [name, ...[tried, told, losses].map(String)]);
    const cells = [['fault', 'tried', 'in events', 'losses'], ...rows];
    const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]!.length)));
    const lines = cells.map(
      (row) =>
        `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`,
    );
    const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
    return [lines[0], rule, ...lines.slice(1)].join('\n');
  }
}
