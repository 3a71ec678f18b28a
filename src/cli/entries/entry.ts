export interface OptionEntry {
  /** In commander's notation: `-f, --file <FILE>`. */
  flags: string;
  help: string;
  /** What the shell completes the option's value with. */
  completes?: 'file' | 'fleet';
  /** May be given several times. */
  repeat?: boolean;
}

/** One row of the table of commands: everything but the code that runs it (loaders.ts). */
export interface CommandEntry {
  name: string;
  summary: string;
  arguments: readonly { notation: string; help: string; choices?: readonly string[] }[];
  options: readonly OptionEntry[];
  /** More options, from a module that only this command needs. */
  moreOptions?: () => Promise<readonly OptionEntry[]>;
  /** What may follow `--`, as the usage line shows it; absent: nothing. */
  afterDashes?: string;
  examples: readonly string[];
}

/** The options of every command. */
export const COMMON_OPTIONS: readonly OptionEntry[] = [
  {
    flags: '--fleet <NAME>',
    help: 'The fleet; required only where there are several.',
    completes: 'fleet',
  },
  { flags: '--json', help: 'Print JSON on stdout, and nothing else there.' },
];

export const TIMEOUT: OptionEntry = {
  flags: '--timeout <D>',
  help: 'Stop watching after this time, e.g. 90s (exit code 4); the work continues.',
};

export const SLOTS: OptionEntry = { flags: '--slots <SLOTS>', help: 'Only these slots, e.g. 10-19,25.' };

export const AGENTS: OptionEntry = {
  flags: '--agents <N>',
  help: 'The number of agents (default: the target of the spec, or of the fleets).',
};

/** Specs: `-f`, several times. */
export function specFiles(help: string): OptionEntry {
  return { flags: '-f, --file <FILE>', help, completes: 'file', repeat: true };
}

/** The specs that doctor and plan read. */
export const SPEC_FILE = specFiles(
  'A spec, or a directory of specs; repeatable (default: ./fleet.yaml, else the fleets that the supervisor knows).',
);

/** Several fleets at once, instead of --fleet. */
export const SEVERAL: readonly OptionEntry[] = [
  { flags: '--all-fleets', help: 'All fleets, one after the other.' },
  {
    flags: '-l, --selector <SELECTOR>',
    help: 'The fleets with this label: KEY=VALUE, KEY!=VALUE, or KEY for any value; repeatable, all must match.',
    repeat: true,
  },
];

export const DRY_RUN: OptionEntry = {
  flags: '--dry-run',
  help: 'Show what would be done, and the difference to the spec in force; do nothing.',
};
