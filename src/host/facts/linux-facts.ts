import type { Facts } from '../facts.ts';
import { describeLimit, explainFailure } from '../limits.ts';
import { measureAgents } from './agents.ts';
import { readHostFacts } from './facts.ts';

/** The facts of this host. */
export const linuxFacts: Facts = {
  read: readHostFacts,
  measureAgents: (pids) => measureAgents(pids, { isQuick: true }),
  describeLimit: (code, path) => describeLimit(code, path),
  explain: explainFailure,
};
