import type { Spec } from '../../specification/spec.ts';
import type { FleetContext, FleetWatch } from '../fleet/context.ts';

/** A watch that follows one part of the spec: it restarts if that part changes, and pauses while it is null. */
export abstract class SpecWatch<T> implements FleetWatch {
  protected readonly context: FleetContext;
  #current = new AbortController();
  #part = 'null';

  constructor(context: FleetContext) {
    this.context = context;
  }

  /** The part of the spec that is followed; null if there is nothing to watch. */
  protected abstract partOf(spec: Spec): T | null;

  /** Starts to watch. @param signal aborts if the part changes, the fleet is removed or the supervisor ends */
  protected abstract begin(part: T, signal: AbortSignal): void;

  /** The watching has ended. */
  protected ended(_why: 'respec' | 'removed' | 'shutdown'): void {}

  start(): void {
    this.#follow();
  }

  respec(): void {
    this.#follow();
  }

  stop(why: 'removed' | 'shutdown'): void {
    this.#end(why);
  }

  #follow(): void {
    const part = this.partOf(this.context.fleet.spec);
    const text = JSON.stringify(part);
    if (text === this.#part) return;
    this.#end('respec');
    this.#part = text;
    this.#current = new AbortController();
    if (part !== null) this.begin(part, this.#current.signal);
  }

  #end(why: 'respec' | 'removed' | 'shutdown'): void {
    this.#current.abort();
    if (this.#part !== 'null') this.ended(why);
    this.#part = 'null';
  }
}
