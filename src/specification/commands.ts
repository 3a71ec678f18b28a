import type { Check, Spec } from './spec.ts';

/** A command of a spec that runs next to its agents, as their user. */
export interface HelperSpec {
  /** Its key. */
  where: string;
  argv: string[];
}

/** Every command of a spec besides that of the agents and the hooks of the operator. */
export function commandsOf({ prepare, start, ready, health, reload, stop }: Spec): HelperSpec[] {
  const all: [where: string, argv: string[] | null][] = [
    ['prepare', prepare],
    ['start.before', start.before],
    ['ready.exec', argvOf(ready)],
    ['health.check.exec', argvOf(health?.check ?? null)],
    ['reload.exec', reload !== null && 'exec' in reload ? reload.exec : null],
    ['stop.command', stop.command],
  ];
  return all.flatMap(([where, argv]) => (argv === null ? [] : [{ where, argv }]));
}

function argvOf(check: Check | null): string[] | null {
  return check?.kind === 'exec' ? check.argv : null;
}
