import type { Slot } from '../../fleet/agent.ts';
import type { AlertsRecord, Notice } from '../../fleet/alerts.ts';
import type { Rollout } from '../../fleet/rollout/record.ts';
import type { Spec } from '../../specification/spec.ts';
import {
  ATTEMPTS_MAX,
  NO_ALERTS,
  noteConditions,
  retryAfterMs,
  type Sight,
  type Sights,
  withoutOldest,
} from '../../supervisor/alerts.ts';
import { type Degraded, describeReady, judgeDegraded } from '../../supervisor/degraded.ts';
import { type WatchedFleet, watchFleet } from '../../supervisor/watchdog.ts';
import { Output } from '../fleet/output.ts';
import { every } from '../shared/timers.ts';
import { runHook } from './hook.ts';
import { Leaks } from './leaks.ts';
import { SpecWatch } from './spec-watch.ts';

/** The interval of looking at the conditions. */
const EVERY_MS = 1_000;
/** A receiver over HTTP answers within this time. */
const POST_MS = 10_000;

type Receiver = NonNullable<Spec['alerts']>;

/**
 * Tells a receiver when a condition of the fleet begins and when it ends. What is to be told is part of the fleet's record
 * before it is sent, so that neither a crash of the supervisor nor a reboot forgets it. A supervisor that is killed in the
 * moment between the receiver's answer and its record sends that notice again.
 */
export class Alerts extends SpecWatch<Receiver> {
  #receiver: Receiver | null = null;
  #degraded: Degraded = { isDegraded: false, otherwiseSince: null };
  /** The numbers of the fleet; null if it had a turn since. */
  #watched: WatchedFleet | null = null;
  #isSending = false;
  /** The notice being sent; the next one waits for it. */
  #sending = Promise.resolve();
  /** Failed attempts to send the oldest notice. */
  #failures = 0;
  #retryAt = 0;
  /** Whether notices were given up since the last one that was sent. */
  #isSilent = false;

  protected override partOf({ alerts }: Spec): Receiver | null {
    // A record of an older fleetd lacks the key.
    return alerts ?? null;
  }

  protected override begin(receiver: Receiver, signal: AbortSignal): void {
    this.#receiver = receiver;
    this.#degraded = { isDegraded: this.#record.open.includes('degraded'), otherwiseSince: null };
    this.#failures = 0;
    this.#retryAt = 0;
    every(
      EVERY_MS,
      signal,
      () => this.#look(receiver),
      (error) => this.context.services.log.error({ error: error.message }, 'cannot judge what to alert'),
    );
  }

  protected override ended(why: 'respec' | 'removed' | 'shutdown'): void {
    const receiver = this.#receiver;
    this.#receiver = null;
    if (why === 'removed' && receiver) void this.#sendLast(receiver);
  }

  beforeTurn(): void {
    this.#watched = null;
  }

  get #record(): AlertsRecord {
    return this.context.fleet.record.alerts ?? NO_ALERTS;
  }

  /** Full disks must not silence alerts. */
  #set(alerts: AlertsRecord): void {
    const { fleet } = this.context;
    this.context.commit({ record: { ...fleet.record, alerts }, isBestEffort: true });
  }

  #look(receiver: Receiver): void {
    const { services } = this.context;
    const before = this.#record;
    const after = noteConditions(before, this.#see(), {
      at: services.host.date().toISOString(),
      isSilenced: services.isSilenced,
      isSending: this.#isSending,
    });
    if (after !== before) this.#set(after);
    const [oldest] = after.unsent;
    if (oldest && !this.#isSending && services.host.now() >= this.#retryAt)
      this.#sending = this.#send(receiver, oldest);
  }

  #see(): Sights {
    const { fleet, services } = this.context;
    const { hold, pressure, spec, rolling } = fleet;
    this.#watched ??= watchFleet(fleet, { strays: 0, leak: null, uncounted: null });
    const now = services.host.now();
    this.#degraded = judgeDegraded(this.#degraded, this.#watched, 2 * spec.ready.timeoutMs, now);
    return {
      held: hold
        ? { holds: true, reason: hold.reason, sample: hold.sample, since: hold.since }
        : { holds: false, reason: 'the fleet is no longer held' },
      leak: this.#seeLeak(),
      degraded: this.#degraded.isDegraded
        ? { holds: true, reason: describeReady(this.#watched), sample: this.#sampleOfFailed() }
        : { holds: false, reason: describeReady(this.#watched) },
      'rolled back': seeRollback(rolling.record),
      pressure: pressure
        ? { holds: true, reason: pressure.reason }
        : { holds: false, reason: 'memory is available again' },
    };
  }

  /** After a start the stored readings come first: until then, no leak says nothing. */
  #seeLeak(): Sight {
    const { isKnown, status } = this.context.watch(Leaks);
    if (!isKnown) return null;
    return { holds: status.verdict === 'leak', reason: status.words };
  }

  /** The last output of the agent that has failed most often; null where it was told already. */
  #sampleOfFailed(): string | null {
    if (this.#record.open.includes('degraded')) return null;
    let worst: Slot | null = null;
    for (const slot of this.context.fleet.slots.values())
      if (slot.wanted && slot.failures > (worst?.failures ?? 0)) worst = slot;
    return worst && this.context.watch(Output).sample(worst.number);
  }

  async #send(receiver: Receiver, notice: Notice): Promise<void> {
    this.#isSending = true;
    const error = await this.#tell(receiver, notice).then(
      () => null,
      (problem: Error) => problem,
    );
    this.#isSending = false;
    if (this.context.signal.aborted) return;
    if (error === null) this.#sent(notice);
    else this.#failed(notice, error);
  }

  /** The fleet was removed, and nobody looks at it again: all that is left to tell is sent once, without retries. */
  async #sendLast(receiver: Receiver): Promise<void> {
    const { open, unsent } = this.#record;
    const at = this.context.services.host.date().toISOString();
    const reason = 'the fleet was removed';
    const ends = open.map((condition): Notice => ({ condition, state: 'end', reason, sample: null, at }));
    const left = [...unsent.slice(this.#isSending ? 1 : 0), ...ends];
    await this.#sending;
    for (const notice of left)
      await this.#tell(receiver, notice).catch((error: Error) => this.#failed(notice, error));
  }

  /** @throws Error that says why the receiver did not take it */
  async #tell({ exec, http }: Receiver, notice: Notice): Promise<void> {
    const { name, services } = this.context;
    const json = JSON.stringify({ fleet: name, ...notice });
    if (http !== null) await services.host.sockets.postJson(http, json, POST_MS);
    if (exec === null) return;
    const { condition, state } = notice;
    const env = { FLEET_ALERT: json, FLEET_ALERT_CONDITION: condition, FLEET_ALERT_STATE: state };
    await runHook(this.context, exec, 'alerts.exec', env);
  }

  #sent({ condition, state, reason }: Notice): void {
    const { name, services } = this.context;
    this.#failures = 0;
    this.#isSilent = false;
    this.#set(withoutOldest(this.#record));
    services.observer.alerted(name, 'sent');
    services.journal.note('alert', name, `sent: ${condition}, ${state}: ${reason}`);
  }

  #failed({ condition, state }: Notice, error: Error): void {
    const { name, services } = this.context;
    const { host, log, observer, journal } = services;
    observer.alerted(name, 'failed');
    log.warn({ fleet: name, condition, state, error: error.message }, 'a notice was not taken');
    if (this.context.signal.aborted) return;
    const waitMs = retryAfterMs(++this.#failures);
    this.#retryAt = host.now() + (waitMs ?? 0);
    if (waitMs !== null) return;
    this.#failures = 0;
    this.#set(withoutOldest(this.#record));
    observer.alerted(name, 'given up');
    if (this.#isSilent) return;
    this.#isSilent = true;
    const what = `given up after ${ATTEMPTS_MAX} attempts: ${condition}, ${state}: ${error.message}`;
    journal.note('alert', name, `${what}; until one is sent, metrics alone count those that follow`);
  }
}

/** A rollout that failed and went back, or does so; one that a user requests has no bad verdict. */
function seeRollback(rollout: Rollout | null): Sight {
  const isBack = rollout?.state === 'rolling-back' || rollout?.state === 'rolled-back';
  if (!isBack || rollout.verdicts.at(-1)?.isGood !== false)
    return { holds: false, reason: 'another rollout or spec has taken its place' };
  const { from, to, reason, sample } = rollout;
  return { holds: true, reason: `release ${to} goes back to ${from}: ${reason}`, sample };
}
