import { FLEET } from './fields.ts';
import { uses } from './placeholders.ts';
import { type Problem, refuseIfAny } from './problems.ts';
import { addRuleProblems, type Written } from './rules.ts';
import type { Ports, Ready, Spec } from './spec.ts';

/** How long an agent must run to be ready, if the spec offers no better check. */
const AFTER_DEFAULT_MS = 1_000;

/**
 * Returns the spec of a parsed YAML or JSON document, checked and complete.
 * @throws FleetError SPEC_INVALID that names every problem, one per line
 */
export function parseSpec(document: unknown): Spec {
  const problems: Problem[] = [];
  const spec = readSpec(document, problems);
  refuseIfAny(problems);
  return spec!;
}

/** The same, but adds the problems to a list, and returns null if there are any. */
export function readSpec(document: unknown, problems: Problem[]): Spec | null {
  const before = problems.length;
  const written = FLEET.read(document, '', problems);
  if (written !== undefined) addRuleProblems(written, problems);
  if (written === undefined || problems.length > before) return null;
  const { ready, ports, ...rest } = written;
  const withProtocol = ports && { ...ports, protocol: ports.protocol ?? protocolFor(ready.kind) };
  return { ...rest, ports: withProtocol, ready: completeReady(ready, rest.command, withProtocol) };
}

function protocolFor(kind: Ready['kind'] | null): Ports['protocol'] {
  if (kind === 'udp') return 'udp';
  return kind === 'tcp' || kind === 'http' ? 'tcp' : null;
}

function completeReady(ready: Written['ready'], command: string[], ports: Ports | null): Ready {
  if (ready.kind !== null) return ready;
  const { timeoutMs } = ready;
  if (uses(command, 'socket')) return { kind: 'socket', timeoutMs };
  if (ports !== null && uses(command, 'port')) return { kind: ports.protocol ?? 'port', timeoutMs };
  return { kind: 'after', afterMs: AFTER_DEFAULT_MS, timeoutMs };
}
