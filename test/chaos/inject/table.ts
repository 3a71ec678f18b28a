import type { Account } from './run.ts';

const HEAD = ['injected', 'rounds', 'commands', 'refused by name', 'supervisor ended', 'losses'];

/** The account as a table in Markdown, as docs/reliability.md has it. */
export function tableOf(accounts: ReadonlyMap<string, Account>): string {
  const tried = [...accounts].filter(([, { rounds }]) => rounds > 0);
  const sum = (of: (account: Account) => number) =>
    tried.reduce((total, [, account]) => total + of(account), 0);
  const row = (name: string, of: (pick: (account: Account) => number) => number) => [
    name,
    ...(['rounds', 'commands', 'refused', 'ended', 'losses'] as const).map((key) =>
      String(of((account) => account[key])),
    ),
  ];
  const rows = [...tried.map(([name, account]) => row(name, (pick) => pick(account))), row('**all**', sum)];
  const widths = HEAD.map((title, i) => Math.max(title.length, ...rows.map((cells) => cells[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(HEAD), rule, ...rows.map(line)].join('\n');
}
