import { measureAgents } from '../facts/agents.ts';
import { describeLimit, explainFailure } from '../facts/explain.ts';
import { readHostFacts } from '../facts/facts.ts';
import type { Facts } from '../facts.ts';

/** The facts of this host. */
export const linuxFacts: Facts = {
  read: readHostFacts,
  measureAgents: (pids) => measureAgents(pids, { isQuick: true }),
  describeLimit: (code, path) => describeLimit(code, path),
  explain: explainFailure,
};
