import { parseArgs } from 'node:util';
import { CONTESTANTS, type ContestantKey, OURS } from './contestants/all.ts';
import type { Victims } from './measures/takeover.ts';

export const HELP = `npm run bench -- [OPTION…]: fleetd and its peers with the same daemon

  --quick           300 and 1,000 agents: within 5 minutes
  --full            the peers at 5,000 and 10,000 agents too: takes hours
  --agents N,…      these sizes instead, for everyone
  --rounds N        so many rounds at each size, for medians and spread; one
                    round at all sizes takes half an hour
  --only NAME,…     only these, and the C loop:
                    ${Object.keys(CONTESTANTS).join(' ')}
  --port-base N     the lowest of the ports (20000)
  --help            this text

It needs busybox and cc; a peer whose program is not there is skipped, and the
table says how to get it. Results go to bench/out/. Run it on a quiet machine.
`;

/** One size, with those who run at it. */
export interface Heat {
  agents: number;
  contestants: readonly ContestantKey[];
  rounds: number;
  /** What is killed in lives of their own, once. */
  takeovers: readonly Victims[];
}

/** What a run is to do. */
export interface Options {
  heats: Heat[];
  idleMs: number;
  portBase: number;
}

const ALL = Object.keys(CONTESTANTS) as ContestantKey[];
const EVERYONE_AT = [1_000, 3_000];
const QUICK_AT = [300, 1_000];
const OURS_AT = [5_000, 10_000];
const TAKEOVERS: readonly Victims[] = ['supervisor', 'supervision'];
const QUICK_TAKEOVERS: readonly Victims[] = ['supervisor'];
const IDLE_MS = { quick: 5_000, normal: 30_000 };
const PORT_MAX = 65_535;

/**
 * Reads the command line.
 * @returns null where help is asked for
 * @throws where an option is not known or its value is not one
 */
export function readOptions(args: string[]): Options | null {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      agents: { type: 'string' },
      rounds: { type: 'string' },
      only: { type: 'string' },
      'port-base': { type: 'string', default: '20000' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const { quick, full } = values;
  const rounds = values.rounds === undefined ? null : readCount('--rounds', values.rounds);
  const chosen = values.only
    ? ALL.filter((key) => key === 'loop' || readNames(values.only!).includes(key))
    : ALL;
  const sizes = values.agents?.split(',').map((text) => readCount('--agents', text));
  const everyoneAt = sizes ?? (quick ? QUICK_AT : full ? [...EVERYONE_AT, ...OURS_AT] : EVERYONE_AT);
  const oursAt = sizes || quick || full ? [] : OURS_AT;
  const ours = chosen.filter((key) => OURS.includes(key));
  const heats = [...everyoneAt, ...oursAt].map((agents, i) => ({
    agents,
    contestants: i < everyoneAt.length ? chosen : ours,
    rounds: rounds ?? 1,
    takeovers: i > 0 && i < everyoneAt.length ? [] : quick ? QUICK_TAKEOVERS : TAKEOVERS,
  }));
  const portBase = readCount('--port-base', values['port-base']);
  const last = portBase + Math.max(...heats.map(({ agents }) => agents)) - 1;
  if (last > PORT_MAX)
    throw new Error(`--port-base ${portBase}: ports up to ${last}, and there are ${PORT_MAX}`);
  return { heats, idleMs: quick ? IDLE_MS.quick : IDLE_MS.normal, portBase };
}

function readNames(text: string): string[] {
  const names = text.split(',');
  const unknown = names.find((name) => !ALL.some((key) => key === name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: there are ${ALL.join(', ')}`);
  return names;
}

function readCount(option: string, text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1)
    throw new Error(`${option} ${text}: expected a whole number from 1 on`);
  return count;
}
