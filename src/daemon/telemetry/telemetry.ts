import { FleetError } from '../../errors/fleet-error.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import type { Goal } from '../../fleet/goal.ts';
import type { Tracing } from '../shared/services.ts';
import { every } from '../shared/timers.ts';
import { VERSION } from '../shared/version.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Sdk } from './sdk.ts';
import { Traces } from './traces.ts';

/** The interval of looking at open traces while no turn of the loop gives an occasion. */
const LOOK_MS = 1_000;

/** Where telemetry goes. */
const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';

/**
 * Whether telemetry is wanted.
 * @throws FleetError USAGE if the endpoint is no URL of http or https
 */
export function wantsTelemetry(env: Readonly<Record<string, string | undefined>>): boolean {
  const endpoint = env[ENDPOINT];
  if (!endpoint || env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false;
  if (/^https?:$/.test(URL.parse(endpoint)?.protocol ?? '')) return true;
  throw FleetError.of(
    'USAGE.value',
    { what: ENDPOINT, expected: 'a URL of http or https', found: endpoint },
    { hint: 'Name the collector, such as http://127.0.0.1:4318, or unset the variable.' },
  );
}

/** Sends traces of commands and the events of the supervisor over OTLP. Nothing waits for it. */
export class Telemetry implements Tracing {
  readonly #supervisor: Supervisor;
  readonly #traces: Traces;
  readonly #sdk: Sdk;
  readonly #ended = new AbortController();
  readonly #unfollow: (() => void)[];

  private constructor(supervisor: Supervisor, sdk: Sdk) {
    this.#supervisor = supervisor;
    this.#sdk = sdk;
    this.#traces = new Traces(sdk.tracer);
    this.#unfollow = [
      supervisor.events.follow((event) => sdk.log(event, this.#traces.rootOf(event.fleet))),
      supervisor.loop.follow(() => this.#look()),
    ];
    every(
      LOOK_MS,
      this.#ended.signal,
      () => this.#look(),
      (error) => supervisor.log.error({ error: error.message }, 'cannot follow the traces'),
    );
  }

  /** Starts to send. The libraries are loaded here, and nowhere else. */
  static async open(supervisor: Supervisor): Promise<Telemetry> {
    const { openSdk } = await import('./sdk.ts');
    const problems = new Problems(supervisor);
    const sdk = openSdk({
      version: VERSION,
      instance: supervisor.paths.stateDir,
      onSent: (signal, error) => problems.sent(signal, error),
      onWarning: (message) => supervisor.log.warn({ message }, 'telemetry'),
    });
    return new Telemetry(supervisor, sdk);
  }

  accepted(fleet: Fleet, goal: Goal): void {
    this.#traces.accepted(fleet, goal, this.#now());
  }

  starting(fleet: Fleet, slot: number): string | null {
    return this.#traces.starting(fleet, slot, this.#now());
  }

  happened(fleet: string, type: string, slot: number, reason: string): void {
    this.#traces.happened(fleet, type, slot, reason, this.#now());
  }

  /** Sends what waits, and ends. */
  async close(): Promise<void> {
    this.#ended.abort();
    this.#traces.close(this.#now());
    this.#supervisor.journal.gather();
    for (const unfollow of this.#unfollow) unfollow();
    await this.#sdk.close();
  }

  #look(): void {
    if (this.#traces.isIdle) return;
    this.#traces.look((name) => this.#supervisor.fleets.get(name)?.fleet ?? null, this.#now());
  }

  #now(): number {
    return this.#supervisor.host.date().getTime();
  }
}

/** A collector that does not answer is reported once, until it answers again. */
class Problems {
  readonly #supervisor: Supervisor;
  #isFailing = false;

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  sent(signal: 'traces' | 'logs', error: Error | null): void {
    const { observer, journal, log } = this.#supervisor;
    observer.exported(signal, error === null);
    if (error) log.warn({ signal, error: error.message }, 'telemetry was not sent');
    if (this.#isFailing === (error !== null)) return;
    this.#isFailing = error !== null;
    const what = error
      ? `telemetry cannot be sent: ${error.message}; what does not fit into its queue is lost, and metrics count the attempts`
      : 'telemetry is sent again';
    journal.note('supervisor', null, what);
  }
}
