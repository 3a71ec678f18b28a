import type { FleetCounts, FleetStatus } from '../../api/fleets.ts';
import type { DocumentOfNamed, NamesWith } from '../../api/operations.ts';
import type { RolloutDocument, RolloutStatus } from '../../api/rollout.ts';
import { withoutOutput } from '../../fleet/quoted.ts';
import type { AgentFailure } from '../../fleet/rollout/record.ts';
import type { Check, Spec } from '../../specification/spec.ts';

/** What is not shown. */
const HIDDEN = '***';

/** What the group gets of a document, or of each line; null: all of it. */
type Mask<Document> = ((document: Document) => Document) | null;

/** One for each operation that only reads, forced complete by the type checker. */
export type Masks = { readonly [N in NamesWith<'read'>]: Mask<DocumentOfNamed<N>> };

/**
 * What the group of FLEETD_GROUP does not get of the documents that it may read: values of `env`, output of agents and
 * hooks, arguments of other processes, what another client sent, and the parts of a URL that may hold a token.
 */
export const MASKS: Masks = {
  status: (document) => ({ ...document, fleets: document.fleets.map(maskStatus) }),
  fleets: null,
  fleet: (document) => ({ ...document, spec: document.spec && maskSpec(document.spec) }),
  watch: (line) => {
    const rollout = line.rollout && { rollout: maskRollout(line.rollout) };
    if (line.kind === 'progress') return { ...line, counts: maskCounts(line.counts), ...rollout };
    const { sample: _output, ...end } = line;
    const reload = line.reload && { reload: { ...line.reload, failed: maskFailures(line.reload.failed) } };
    return { ...end, message: maskText(line.message), ...rollout, ...reload };
  },
  rollout: (document) => document && maskRollout(document),
  releases: null,
  agents: null,
  memory: null,
  samples: null,
  events: (event) => ({ ...event, reason: maskText(event.reason) }),
  strays: (document) => ({
    ...document,
    strays: document.strays.map((stray) => ({ ...stray, command: programOf(stray.command) })),
  }),
  watchdog: (document) => ({
    ...document,
    summary: maskText(document.summary),
    alarms: document.alarms.map(maskText),
    fleets: document.fleets.map(({ held, blocked, uncounted, ...fleet }) => ({
      ...fleet,
      held: maskNullable(held),
      blocked: maskNullable(blocked),
      uncounted: maskNullable(uncounted),
    })),
  }),
  metrics: null,
  openapi: null,
};

function maskStatus(status: FleetStatus): FleetStatus {
  return { ...status, ...maskCounts(status), rollout: status.rollout && maskReason(status.rollout) };
}

function maskCounts<C extends FleetCounts>(counts: C): C {
  const { held, verify } = counts;
  return {
    ...counts,
    held: held && { ...held, reason: maskText(held.reason), sample: null },
    verify: verify && maskReason(verify),
  };
}

function maskRollout(rollout: RolloutDocument): RolloutDocument {
  return { ...maskReason(rollout), failures: maskFailures(rollout.failures), sample: null };
}

function maskFailures(failures: readonly AgentFailure[]): AgentFailure[] {
  return failures.map((failure) => ({ ...failure, reason: maskText(failure.reason) }));
}

function maskReason<D extends Pick<RolloutStatus, 'reason'>>(document: D): D {
  return { ...document, reason: maskNullable(document.reason) };
}

function maskSpec(spec: Spec): Spec {
  const { env, leak, verify, alerts, ready, health } = spec;
  return {
    ...spec,
    env: Object.fromEntries(Object.keys(env).map((name) => [name, HIDDEN])),
    leak: leak && { ...leak, connections: leak.connections && maskHttp(leak.connections) },
    verify: verify && maskHttp(verify),
    alerts: alerts && maskHttp(alerts),
    ready: maskHeaders(ready),
    health: health && { ...health, check: health.check && maskHeaders(health.check) },
  };
}

/** Headers may authorize a check. */
function maskHeaders<C extends Check>(check: C): C {
  if (check.kind !== 'http') return check;
  return { ...check, headers: Object.fromEntries(Object.keys(check.headers).map((name) => [name, HIDDEN])) };
}

function maskHttp<H extends { http: string | null }>(part: H): H {
  return { ...part, http: maskNullable(part.http) };
}

function maskNullable(text: string | null): string | null {
  return text === null ? null : maskText(text);
}

/** Takes output out of a text, what a request contained that was refused, and all of a URL but its host. */
export function maskText(text: string): string {
  return withoutOutput(text)
    .replace(/ refused: .*$/s, ' refused')
    .replaceAll(/(https?:\/\/)(?:[^\s/?#]*@)?([^\s/?#@,;]+)[^\s,;]*/g, `$1$2/${HIDDEN}`);
}

/** The program of a command line that is joined by spaces. */
function programOf(command: string): string {
  const [program = '', ...rest] = command.split(' ');
  return rest.length > 0 ? `${program} ${HIDDEN}` : program;
}
