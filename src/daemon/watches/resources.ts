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
    if (spec) services.host.processes.limit(name, spec.resources, fleet.target);
  }
}
