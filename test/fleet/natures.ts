import type { AgentExit } from '../../src/fleet/exit.ts';

/** How the imaginary agents of a slot behave. */
export interface Nature {
  /** What becomes of an attempt to start one. */
  start: 'runs' | 'cannot be executed' | 'hits a limit';
  /** Ready so long after the start; null: never. */
  readyMs: number | null;
  /** Ends by itself so long after the start; null: never. */
  crashMs: number | null;
  crashExit: AgentExit;
  /** Ends so long after the stop signal; null: by SIGKILL only. */
  stopMs: number | null;
  stopExit: AgentExit;
  prepareMs: number;
  prepare: 'succeeds' | 'fails' | 'hits a limit';
  /** It forks so many processes, which live on when it ends. */
  forks: number;
  /** These end so long after the signal; null: by SIGKILL only. */
  restMs: number | null;
  /** What start.before does, within prepareMs. */
  before: 'succeeds' | 'fails';
}

export const WELL_BEHAVED: Nature = {
  start: 'runs',
  readyMs: 100,
  crashMs: null,
  crashExit: { code: 1, signal: null },
  stopMs: 10,
  stopExit: { code: 0, signal: null },
  prepareMs: 50,
  prepare: 'succeeds',
  forks: 0,
  restMs: 10,
  before: 'succeeds',
};

export interface Process {
  pid: number;
  slot: number;
  startedAt: number;
  release: string;
  /** When it ends as things stand, and how. */
  endsAt: number;
  exit: AgentExit;
}

/** What an agent left behind. */
export interface Rest {
  slot: number;
  /** When it ends as things stand. */
  endsAt: number;
}
