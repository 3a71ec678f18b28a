import type { AgentFailure, BatchVerdict, Cohort, RolloutOptions } from '../fleet/rollout/record.ts';
import { sparse } from '../specification/group.ts';
import { BOOLEAN, text as textType, word } from '../specification/types.ts';
import { ACCEPTED } from './accepted.ts';
import { SHARE } from './domain.ts';
import { json, type Operations } from './operation.ts';
import { ABSOLUTE_PATH, COUNT } from './parameters.ts';
import { type ReadBy, requestOf, SHARE_ABOVE_0, SHARE_FROM_0, SPEC_DOCUMENT } from './requests.ts';
import {
  documentOf,
  flag,
  integer,
  list,
  named,
  nullable,
  number,
  type Of,
  record,
  text,
  time,
  words,
} from './shape.ts';

const STATUS = {
  state: words(['running', 'paused', 'rolling-back', 'done', 'rolled-back']),
  from: text('The release that a rollback returns to.'),
  to: text('The release that the rollout introduces, or that a rollback leaves.'),
  updated: integer('The number of agents that are ready on the new release.'),
  total: integer(),
  failed: integer(),
  reason: nullable(text(), 'Why it is paused or rolls back.'),
};

export const ROLLOUT_STATUS = named('RolloutStatus', STATUS, 'The `rollout` in the status of a fleet.');
export type RolloutStatus = Of<typeof ROLLOUT_STATUS>;

const ROLLOUT_OPTIONS = documentOf<RolloutOptions>('RolloutOptions', {
  batch: SHARE,
  waitMs: integer('How long a batch is observed after it is ready.'),
  canary: integer('The number of agents replaced first, on their own; 0 for none.'),
  maxFailed: SHARE,
  rollback: flag('Whether it rolls back automatically; otherwise the fleet is held.'),
  healthyDeadlineMs: integer('The time within which an agent must be ready.'),
});

const COHORT = documentOf<Cohort>(
  'Cohort',
  {
    agents: integer(),
    readyMs: nullable(number(), 'The time from start to ready.'),
    rssBytes: nullable(number()),
    cpu: nullable(number(), 'Processors used per agent.'),
  },
  'The agents of one release: medians, and the mean for the processor; null if unknown.',
);

const BATCH_VERDICT = documentOf<BatchVerdict>(
  'BatchVerdict',
  {
    batch: integer(),
    isCanary: flag(),
    agents: integer(),
    failed: integer(),
    isGood: flag(),
    reason: text(),
    cohort: nullable(COHORT, 'The batch; null if it was not measured.'),
    before: nullable(COHORT, 'The previous release.'),
    tookMs: number('The time from the start of the batch to its verdict.'),
  },
  'The verdict on a batch.',
);

const AGENT_FAILURE = documentOf<AgentFailure>(
  'AgentFailure',
  { slot: integer(), reason: text() },
  'An agent of the new release that failed.',
);

export const ROLLOUT_DOCUMENT = named(
  'RolloutDocument',
  {
    ...STATUS,
    fleet: text(),
    id: integer('Increases with each rollout of the fleet.'),
    startedAt: time(),
    options: ROLLOUT_OPTIONS,
    batch: nullable(
      record({
        number: integer('Counted from 1.'),
        isCanary: flag(),
        agents: integer(),
        ready: integer(),
        observedForMs: nullable(
          number(),
          'How much longer the batch is observed; null until all of it is ready.',
        ),
      }),
      'The current batch; null between batches.',
    ),
    batchesLeft: integer('The number of batches after this one.'),
    leftMs: number('An estimate from the batches so far.'),
    verdicts: list(BATCH_VERDICT),
    failures: list(AGENT_FAILURE, 'The latest failures; the events list all of them.'),
    sample: nullable(text(), 'The last output of an agent that failed.'),
  },
  'A rollout with its batches, verdicts and failures.',
);
export type RolloutDocument = Of<typeof ROLLOUT_DOCUMENT>;

const RELEASE_ROW = named('ReleaseRow', {
  release: text(),
  label: nullable(text()),
  createdAt: time(),
  agents: integer('The number of agents that run it.'),
  current: flag('Whether new agents get it.'),
});
export type ReleaseRow = Of<typeof RELEASE_ROW>;

export const RELEASES_DOCUMENT = named('ReleasesDocument', {
  releases: list(RELEASE_ROW, 'Newest first.'),
});
export type ReleasesDocument = Of<typeof RELEASES_DOCUMENT>;

export const ROLLING_UPDATE = requestOf(
  'RollingUpdateRequest',
  sparse({
    spec: {
      type: SPEC_DOCUMENT,
      otherwise: 'the spec of the fleet, with its `binary` read again',
      help: 'The spec of the new release, as in a spec file.',
    },
    baseDir: {
      type: ABSOLUTE_PATH,
      help: 'The directory that relative paths in `spec` start from.',
    },
    binary: { type: ABSOLUTE_PATH, help: 'The executable to run instead of the one in the spec.' },
    label: {
      type: textType('1 to 64 letters, digits, or any of _ . + -', /^[\w.+-]{1,64}$/),
      help: 'A name for the release.',
    },
    options: {
      type: sparse({
        batch: { type: SHARE_ABOVE_0, help: 'How many agents to replace together.' },
        waitMs: { type: COUNT, help: 'How long each batch is observed after it is ready, in milliseconds.' },
        canary: { type: COUNT, help: 'How many agents to replace first, on their own.' },
        maxFailed: { type: SHARE_FROM_0, help: 'The maximum number of failed agents; more end the rollout.' },
        rollback: { type: BOOLEAN, help: 'Roll back automatically; otherwise hold the fleet.' },
      }),
      otherwise: '`update` of the spec',
      help: 'Values that override `update` of the spec.',
    },
  }),
);
export type RollingUpdateRequest = ReadBy<typeof ROLLING_UPDATE>;

const ROLLOUT_ACTION = requestOf(
  'RolloutRequest',
  sparse({
    action: {
      type: word('pause', 'resume', 'abort'),
      required: true,
      help: 'What to do; abort rolls back.',
    },
  }),
);
export type RolloutRequest = ReadBy<typeof ROLLOUT_ACTION>;

const ROLLBACK = requestOf(
  'RollbackRequest',
  sparse({
    to: {
      type: textType('a release or its label', /^[^\0]+$/),
      otherwise: 'the newest earlier release',
      help: 'The release: its label, or the beginning of its id.',
    },
  }),
);
export type RollbackRequest = ReadBy<typeof ROLLBACK>;

export const ROLLOUT_OPERATIONS = {
  rollingUpdate: {
    method: 'POST',
    path: '/v1/fleets/{fleet}/rolling-update',
    summary: 'Replace the agents batch by batch by a new release',
    access: 'change',
    body: ROLLING_UPDATE,
    answer: json(ACCEPTED),
    errors: [
      'UNKNOWN',
      'USAGE',
      'SPEC_INVALID',
      'SPEC_MISSING',
      'SPEC_FIXED',
      'HELD',
      'BUSY',
      'PORT_TAKEN',
      'ADDRESS_MISSING',
      'EXECUTABLE_UNUSABLE',
      'USER_UNKNOWN',
      'PRIVILEGE_MISSING',
      'STATE_UNUSABLE',
    ],
  },
  rollout: {
    method: 'GET',
    path: '/v1/fleets/{fleet}/rollout',
    summary: 'Show the latest rollout',
    help: 'The answer is null if there has been no rollout.',
    access: 'read',
    answer: json(nullable(ROLLOUT_DOCUMENT)),
    errors: ['UNKNOWN'],
  },
  actOnRollout: {
    method: 'POST',
    path: '/v1/fleets/{fleet}/rollout',
    summary: 'Pause, resume or abort the rollout under way',
    access: 'change',
    body: ROLLOUT_ACTION,
    answer: json(ACCEPTED),
    errors: ['UNKNOWN', 'HELD', 'BUSY', 'STATE_UNUSABLE'],
  },
  rollBack: {
    method: 'POST',
    path: '/v1/fleets/{fleet}/rollback',
    summary: 'Bring every agent back to an earlier release',
    access: 'change',
    body: ROLLBACK,
    answer: json(ACCEPTED),
    errors: ['UNKNOWN', 'SPEC_FIXED', 'HELD', 'BUSY', 'EXECUTABLE_UNUSABLE', 'STATE_UNUSABLE'],
  },
  releases: {
    method: 'GET',
    path: '/v1/fleets/{fleet}/releases',
    summary: 'List the stored releases',
    access: 'read',
    answer: json(RELEASES_DOCUMENT),
    errors: ['UNKNOWN'],
  },
} as const satisfies Operations;
