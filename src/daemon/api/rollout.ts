import type { FastifyInstance } from 'fastify';
import type { RollbackRequest, RollingUpdateRequest, RolloutRequest } from '../../api/rollout.ts';
import { ROLLOUT_API } from '../../api/rollout.ts';
import { FleetError } from '../../errors.ts';
import type { Share } from '../../specification/spec.ts';
import { isMapping } from '../../specification/types.ts';
import type { Commands } from '../commands/commands.ts';
import { releasesDocument, rolloutDocument } from '../report/rollout.ts';
import type { Supervisor } from '../supervisor.ts';
import { readObject } from './requests.ts';

type Named = { Params: { name: string } };

/** Adds what rollouts and releases need to the API. */
export function serveRollouts(app: FastifyInstance, supervisor: Supervisor, commands: Commands): void {
  app.get<Named>(ROLLOUT_API.rollout(':name'), async ({ params }, reply) => {
    const document = rolloutDocument(commands.get(params.name), supervisor.host.now());
    return reply.type('application/json').send(JSON.stringify(document));
  });
  app.get<Named>(ROLLOUT_API.releases(':name'), ({ params }) => releasesDocument(commands.get(params.name)));
  app.post<Named>(ROLLOUT_API.update(':name'), ({ params, body }) =>
    commands.rollingUpdate(params.name, readUpdate(body)),
  );
  app.post<Named>(ROLLOUT_API.rollout(':name'), ({ params, body }) =>
    commands.actOnRollout(params.name, readAction(body)),
  );
  app.post<Named>(ROLLOUT_API.rollback(':name'), ({ params, body }) =>
    commands.rollBack(params.name, readObject<RollbackRequest>(body, { to: 'string' })),
  );
}

function readUpdate(body: unknown): RollingUpdateRequest {
  const request = readObject<RollingUpdateRequest>(body, {
    spec: 'any',
    baseDir: 'string',
    binary: 'string',
    label: 'string',
    options: 'any',
  });
  const { options, binary, label } = request;
  if (binary !== undefined && !binary.startsWith('/')) throw invalid('binary is no absolute path');
  if (label !== undefined && !/^[\w.+-]{1,64}$/.test(label)) {
    throw new FleetError(
      'USAGE',
      `the label is “${label}”; it must be 1 to 64 letters, digits, or any of _ . + -`,
    );
  }
  if (options !== undefined) checkOptions(options);
  return request;
}

function checkOptions(options: unknown): void {
  const { batch, waitMs, canary, maxFailed } = readObject<NonNullable<RollingUpdateRequest['options']>>(
    options,
    { batch: 'any', waitMs: 'number', canary: 'number', maxFailed: 'any', rollback: 'boolean' },
  );
  if (batch !== undefined && !isShare(batch, 'above 0'))
    throw invalid('batch is no number above 0, or share');
  if (maxFailed !== undefined && !isShare(maxFailed, 'from 0 on'))
    throw invalid('maxFailed is no number or share');
  for (const [name, value] of Object.entries({ waitMs, canary })) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0))
      throw invalid(`${name} is ${value}`);
  }
}

function isShare(value: unknown, from: 'above 0' | 'from 0 on'): value is Share {
  if (!isMapping(value)) return false;
  const { count, percent } = value;
  const isNumber = Number.isSafeInteger(count) !== (typeof percent === 'number' && percent <= 100);
  const amount = Number(count ?? percent);
  return isNumber && (from === 'above 0' ? amount > 0 : amount >= 0);
}

function readAction(body: unknown): RolloutRequest {
  const request = readObject<RolloutRequest>(body, { action: 'string' });
  if (['pause', 'resume', 'abort'].includes(request.action)) return request;
  throw invalid('the action is pause, resume or abort');
}

const invalid = (message: string) => new FleetError('REQUEST_INVALID', message);
