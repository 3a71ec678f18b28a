import { FLEET } from './fields.ts';
import { uses } from './placeholders.ts';
import { type Problem, refuseIfAny } from './problems.ts';
import { addRuleProblems, type Written } from './rules.ts';
import type { Check, Ports, Ready, Spec } from './spec.ts';

/** How long an agent must run to be ready, if the spec offers no better check. */
const AFTER_DEFAULT_MS = 1_000;

/**
 * Returns the spec of a parsed YAML or JSON document, checked and complete.
 * @throws FleetError SPEC_INVALID that names every problem, one per line
 */
export function parseSpec(document: unknown): Spec {
  const problems: Problem[] = [];
  const written = FLEET.read(document, '', problems);
  if (written !== undefined) addRuleProblems(written, problems);
  refuseIfAny(problems);
  const { ready, ports, ...rest } = written!;
  const complete = ports && completePorts(ports, ready.kind);
  return { ...rest, ports: complete, ready: completeReady(ready, rest.command, complete) };
}

/** The ports as written, with what follows from their names and from the ready check. */
function completePorts(
  { base, same, perAgent, names, protocol }: NonNullable<Written['ports']>,
  kind: Check['kind'] | null,
): Ports {
  return {
    base: (same ?? base)!,
    same: same !== null,
    perAgent: perAgent ?? names?.length ?? 1,
    names,
    protocol: protocol ?? protocolFor(kind),
  };
}

function protocolFor(kind: Check['kind'] | null): Ports['protocol'] {
  if (kind === 'udp') return 'udp';
  return kind === 'tcp' || kind === 'http' ? 'tcp' : null;
}

function completeReady(ready: Written['ready'], command: string[], ports: Ports | null): Ready {
  if (ready.kind !== null) return ready;
  return { ...ready, ...defaultCheck(command, ports) };
}

function defaultCheck(command: string[], ports: Ports | null): Check {
  if (uses(command, 'socket')) return { kind: 'socket' };
  if (ports !== null && uses(command, 'port')) return { kind: ports.protocol ?? 'port' };
  return { kind: 'after', afterMs: AFTER_DEFAULT_MS };
}
