import type { CommandEntry } from './entries/entry.ts';
import { FLEETS } from './entries/fleets.ts';
import { HOST } from './entries/host.ts';
import { REPORTS } from './entries/reports.ts';
import { ROLLOUTS } from './entries/rollouts.ts';
import { SUPERVISOR } from './entries/supervisor.ts';

export { COMMON_OPTIONS, type CommandEntry, type OptionEntry } from './entries/entry.ts';

const TABLE = [...FLEETS, ...ROLLOUTS, ...REPORTS, ...HOST, ...SUPERVISOR] as const;

export type CommandName = (typeof TABLE)[number]['name'];

/** All commands, in the order of --help. Commander, the shell completions and the reference are built from this. */
export const COMMANDS: readonly (CommandEntry & { name: CommandName })[] = TABLE;
