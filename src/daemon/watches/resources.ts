import type { Spec } from '../../specification/spec.ts';
import type { FleetContext, FleetWatch } from '../fleet/context.ts';

/** Applies the `resources` of the spec to agents; those of a fleet whose spec was lost keep what they have. */
export class Resources implements FleetWatch {
  readonly #context: FleetContext;

  constructor(context: FleetContext) {
    this.#context = context;
  }

  start(): void {
    this.#apply();
  }

  committed(): void {
    this.#apply();
  }

  stop(why: 'removed' | 'shutdown'): void {
    const { services, name } = this.#context;
    if (why === 'removed') services.host.processes.limit(name, null, 0);
  }

  #apply(): void {
    const { services, fleet, name } = this.#context;
    const { spec } = fleet.record;
    if (spec) services.host.processes.limit(name, resourcesOf(spec), fleet.target);
  }
}

/** bubblewrap in front of an agent is a process of the slot, and none of those that the spec counts. */
function resourcesOf({ resources, sandbox }: Spec): Spec['resources'] {
  if (sandbox === null || resources === null || resources.pids === null) return resources;
  return { ...resources, pids: resources.pids + 1 };
}
