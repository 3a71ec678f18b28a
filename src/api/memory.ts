import { sparse } from '../specification/group.ts';
import { word } from '../specification/types.ts';
import { QUANTILES } from './domain.ts';
import { json, type Operations } from './operation.ts';
import { COUNT } from './parameters.ts';
import { integer, list, named, nullable, number, type Of, record, text } from './shape.ts';

const SUMMARY = {
  agents: integer('The number of agents that were sampled.'),
  rss: nullable(QUANTILES, 'Resident bytes per agent.'),
  pssMeanBytes: nullable(number(), 'The mean of the proportional bytes per agent in a sample.'),
};

/** Memory of some agents: resident bytes as a distribution, proportional bytes as the mean of a sample. */
export type MemorySummary = Of<ReturnType<typeof record<typeof SUMMARY>>>;

export const COHORT_MEMORY = named(
  'CohortMemory',
  { ...SUMMARY, release: text() },
  'Memory of the agents of one release.',
);
export type CohortMemory = Of<typeof COHORT_MEMORY>;

export const FLEET_MEMORY = named(
  'FleetMemory',
  {
    ...SUMMARY,
    fleet: text(),
    cohorts: list(COHORT_MEMORY),
    top: list(record({ slot: integer(), rssBytes: integer() }), 'The agents that use the most memory.'),
  },
  'Memory of a fleet.',
);
export type FleetMemory = Of<typeof FLEET_MEMORY>;

export const SAMPLES_DOCUMENT = named(
  'SamplesDocument',
  {
    passes: list(
      record({
        at: number('Milliseconds since the epoch.'),
        agents: integer(),
        rssBytes: integer(),
        pssBytes: nullable(number()),
        connections: nullable(number(), 'The count of `leak.connections`.'),
      }),
      'Oldest first.',
    ),
  },
  'The memory of a fleet over time.',
);
export type SamplesDocument = Of<typeof SAMPLES_DOCUMENT>;

export const MEMORY_OPERATIONS = {
  memory: {
    method: 'GET',
    path: '/v1/fleets/{fleet}/memory',
    summary: 'Measure the memory of a fleet',
    access: 'read',
    query: sparse({
      top: { type: COUNT, otherwise: '0', help: 'How many of the agents that use the most memory to list.' },
      pss: {
        type: word('some', 'all'),
        otherwise: 'some',
        help: 'Measure the proportional memory of a sample of the agents, or of all, which takes longer.',
      },
    }),
    answer: json(FLEET_MEMORY),
    errors: ['UNKNOWN'],
  },
  samples: {
    method: 'GET',
    path: '/v1/fleets/{fleet}/samples',
    summary: 'Show the memory of a fleet over time',
    access: 'read',
    query: sparse({
      since: { type: COUNT, otherwise: '0', help: 'Omit older samples; milliseconds since the epoch.' },
    }),
    answer: json(SAMPLES_DOCUMENT),
    errors: ['UNKNOWN'],
  },
} as const satisfies Operations;
