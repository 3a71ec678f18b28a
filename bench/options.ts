import { parseArgs } from 'node:util';
import { CONTESTANTS, type ContestantKey, OURS } from './contestants/all.ts';
import type { Victims } from './measures/takeover.ts';

export const HELP = `npm run bench -- [OPTION…]: fleetd and its peers with the same daemon

  without options   memory at 50 agents; 1,000 with all peers, three rounds;
                    10,000 without the peers, three rounds
  --quick           1,000 with all peers, one round: eight minutes
  --full            the peers at 3,000 and 10,000 agents too: takes hours
  --agents N,…      these sizes instead, for everyone
  --rounds N        so many rounds at each size, for medians and spread
  --only NAME,…     only these, and the C loop:
                    ${Object.keys(CONTESTANTS).join(' ')}
  --port-base N     the lowest of the ports (20000)
  --help            this text

It says at its start how long it will take. Without --quick, at up to 1,000
agents, fleetd runs again before each peer, so that what else the machine does
falls on both. It
needs busybox and cc; a peer whose program is not there is skipped, and the
table says how to get it. What was measured is printed and written to bench/out/
also where it is broken off. Run it on a quiet machine.
`;

/** One size, with those who run at it. */
export interface Heat {
  agents: number;
  /** In this order; fleetd more than once where it runs before each peer. */
  contestants: readonly ContestantKey[];
  rounds: number;
  /** Whether only the memory at rest is measured. */
  isSmall: boolean;
  /** What is killed in lives of their own, once. */
  takeovers: readonly Victims[];
}

/** What a run is to do. */
export interface Options {
  heats: Heat[];
  idleMs: number;
  /** How long a step of a life may take before the life is broken off. */
  patienceMs: { base: number; perAgent: number };
  portBase: number;
}

const ALL = Object.keys(CONTESTANTS) as ContestantKey[];
const SMALL = 50;
const EVERYONE_AT = 1_000;
const PEERS_FULL_AT = [3_000, 10_000];
const OURS_AT = [10_000];
const ROUNDS = 3;
/** Up to so many agents, fleetd runs again before each peer. */
const PAIRED_MAX = 1_000;
const TAKEOVERS: readonly Victims[] = ['supervisor', 'supervision'];
const QUICK_TAKEOVERS: readonly Victims[] = ['supervisor'];
const IDLE_MS = { quick: 3_000, normal: 30_000 };
const PATIENCE_MS = { quick: { base: 15_000, perAgent: 15 }, normal: { base: 60_000, perAgent: 60 } };
const PORT_MAX = 65_535;

/** Seconds that a life takes without its idling: for itself, and for each thousand agents. As measured on 2 cores. */
const LIFE_SECONDS: Record<ContestantKey, readonly [number, number]> = {
  loop: [2, 2],
  fleetd: [19, 5],
  cold: [2, 2],
  s6: [18, 20],
  runit: [18, 20],
  supervisord: [18, 14],
  pm2: [20, 70],
  systemd: [20, 60],
  shell: [2, 3],
};
const TAKEOVER_SECONDS = 15;

/** How long a run will take, in minutes; peers that are not there make it shorter. */
export function minutesOf({ heats, idleMs }: Options): number {
  const seconds = heats.flatMap(({ agents, contestants, rounds, isSmall, takeovers }) =>
    contestants.map((key) => {
      const [own, perThousand] = LIFE_SECONDS[key];
      const life = own + (perThousand * agents) / 1_000;
      return isSmall ? life / 2 : rounds * life + idleMs / 1_000 + takeovers.length * TAKEOVER_SECONDS;
    }),
  );
  return Math.ceil(seconds.reduce((sum, each) => sum + each, 0) / 60);
}

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
  const ours = chosen.filter((key) => OURS.includes(key));
  const heat = (agents: number, contestants: readonly ContestantKey[]): Heat => ({
    agents,
    contestants: !quick && agents <= PAIRED_MAX ? paired(contestants) : contestants,
    rounds: rounds ?? (quick ? 1 : ROUNDS),
    isSmall: false,
    takeovers: quick ? QUICK_TAKEOVERS : TAKEOVERS,
  });
  const small: Heat = {
    ...heat(SMALL, chosen),
    contestants: quick ? ours : chosen,
    rounds: 1,
    isSmall: true,
    takeovers: [],
  };
  const usual = [small, heat(EVERYONE_AT, chosen)];
  const large = full
    ? PEERS_FULL_AT.map((agents) => heat(agents, chosen))
    : OURS_AT.map((agents) => heat(agents, ours));
  const sizes = values.agents?.split(',').map((text) => readCount('--agents', text));
  const heats = sizes?.map((agents) => heat(agents, chosen)) ?? (quick ? usual : [...usual, ...large]);
  const portBase = readCount('--port-base', values['port-base']);
  const last = portBase + Math.max(...heats.map(({ agents }) => agents)) - 1;
  if (last > PORT_MAX)
    throw new Error(`--port-base ${portBase}: ports up to ${last}, and there are ${PORT_MAX}`);
  const pace = quick ? 'quick' : 'normal';
  return { heats, idleMs: IDLE_MS[pace], patienceMs: PATIENCE_MS[pace], portBase };
}

/** With fleetd before each peer. */
function paired(contestants: readonly ContestantKey[]): ContestantKey[] {
  if (!contestants.includes('fleetd')) return [...contestants];
  const ours = contestants.filter((key) => OURS.includes(key));
  const peers = contestants.filter((key) => !OURS.includes(key));
  return [...ours, ...peers.flatMap((key, i): ContestantKey[] => (i === 0 ? [key] : ['fleetd', key]))];
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
