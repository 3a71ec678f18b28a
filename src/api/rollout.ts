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
  from: text('The release that it goes back to.'),
  to: text('The release that it brings, or that a rollback leaves.'),
  updated: integer('Agents that are ready on the new release.'),
  total: integer(),
  failed: integer(),
  reason: nullable(text(), 'Why it is paused or rolls back.'),
};

export const ROLLOUT_STATUS = named('RolloutStatus', STATUS, 'The `rollout` of a fleet’s status.');
export type RolloutStatus = Of<typeof ROLLOUT_STATUS>;

const ROLLOUT_OPTIONS = documentOf<RolloutOptions>('RolloutOptions', {
  batch: SHARE,
  waitMs: integer('How long a batch is observed once it is ready.'),
  canary: integer('Agents replaced first, alone; 0 for none.'),
  maxFailed: SHARE,
  rollback: flag('Whether it rolls back by itself; else the fleet is held.'),
  healthyDeadlineMs: integer('An agent not ready after so long has failed.'),
});

const COHORT = documentOf<Cohort>(
  'Cohort',
  {
    agents: integer(),
    readyMs: nullable(number(), 'From start to ready.'),
    rssBytes: nullable(number()),
    cpu: nullable(number(), 'Processors used per agent.'),
  },
  'What the agents of one release are like: medians, and the mean for the processor.',
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
    cohort: nullable(COHORT, 'The batch, where it was measured.'),
    before: nullable(COHORT, 'The release before it.'),
    tookMs: number('From the beginning of the batch to its verdict.'),
  },
  'What was found of a batch, and against what.',
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
    id: integer('Grows with each rollout of the fleet.'),
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
          'How much longer it is observed; null while it is not ready as a whole.',
        ),
      }),
      'The batch under way.',
    ),
    batchesLeft: integer('How many batches come after this one.'),
    leftMs: number('An estimate, from the batches so far.'),
    verdicts: list(BATCH_VERDICT),
    failures: list(AGENT_FAILURE, 'The latest; the events have all of them.'),
    sample: nullable(text(), 'The last output of an agent that failed.'),
  },
  'A rollout in full.',
);
export type RolloutDocument = Of<typeof ROLLOUT_DOCUMENT>;

const RELEASE_ROW = named('ReleaseRow', {
  release: text(),
  label: nullable(text()),
  createdAt: time(),
  agents: integer('How many agents run it.'),
  current: flag('Whether new agents get it.'),
});
export type ReleaseRow = Of<typeof RELEASE_ROW>;

export const RELEASES_DOCUMENT = named('ReleasesDocument', {
  releases: list(RELEASE_ROW, 'Newest first.'),
});
export type ReleasesDocument = Of<typeof RELEASES_DOCUMENT>;

const ROLLING_UPDATE = requestOf(
  'RollingUpdateRequest',
  sparse({
    spec: {
      type: SPEC_DOCUMENT,
      otherwise: 'the fleet’s own, with its `binary` read again',
      help: 'The spec of the new release, as written.',
    },
    baseDir: {
      type: ABSOLUTE_PATH,
      help: 'Directory that relative paths of `spec` start from; goes with `spec`.',
    },
    binary: { type: ABSOLUTE_PATH, help: 'Run this executable instead of the spec’s.' },
    label: {
      type: textType('1 to 64 letters, digits, or any of _ . + -', /^[\w.+-]{1,64}$/),
      help: 'A name for the release.',
    },
    options: {
      type: sparse({
        batch: { type: SHARE_ABOVE_0, help: 'Agents replaced together.' },
        waitMs: { type: COUNT, help: 'How long each batch is observed once it is ready.' },
        canary: { type: COUNT, help: 'Agents replaced first, alone.' },
        maxFailed: { type: SHARE_FROM_0, help: 'More failed agents end the rollout.' },
        rollback: { type: BOOLEAN, help: 'Roll back by itself; else the fleet is held.' },
      }),
      otherwise: '`update` of the spec',
      help: 'What holds instead of the spec’s `update`.',
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
      help: 'Abort has the rollout roll back.',
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
      help: 'A release, by the beginning of its id or by its label.',
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
    help: 'Null where there never was one.',
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
    errors: ['UNKNOWN', 'SPEC_FIXED', 'HELD', 'BUSY', 'STATE_UNUSABLE'],
  },
  releases: {
    method: 'GET',
    path: '/v1/fleets/{fleet}/releases',
    summary: 'List the releases that are kept',
    access: 'read',
    answer: json(RELEASES_DOCUMENT),
    errors: ['UNKNOWN'],
  },
} as const satisfies Operations;
