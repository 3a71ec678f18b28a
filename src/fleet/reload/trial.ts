import type { Ready } from '../../specification/spec.ts';
import type { Agent, BootMs, Slot, StopCause } from '../agent.ts';
import { isServing, runOf } from '../agent.ts';
import type { Notification } from '../notification.ts';
import type { Outcome } from './record.ts';

/** The ready check must pass for so long, from its first pass after the reload on. */
const OBSERVED_MS = 250;

/** Stops that somebody wants, or that a restart needs: they say nothing about the reload. */
const IS_WANTED: Readonly<Record<StopCause, boolean>> = {
  unwanted: true,
  'stop-all': true,
  restart: true,
  'not-ready': false,
  unhealthy: false,
  itself: false,
};

/** One agent that is reloaded: what is known of it since, and what follows from that. */
export class Trial {
  readonly slot: number;
  /** When it was started: its main process may name a successor meanwhile, and another agent may take its place. */
  readonly #startedAt: BootMs;
  #begunAt: BootMs | null = null;
  #isDone = false;
  /** Why it could not be reloaded. */
  #refusal: string | null = null;
  #waitingFor = 'the reload itself has not ended';
  #passing: { since: BootMs; until: BootMs } | null = null;
  /** It has said READY=1 since its reload began, and not RELOADING=1 after that. */
  #saysReady = false;
  #stop: { cause: StopCause; reason: string } | null = null;

  constructor(slot: number, startedAt: BootMs) {
    this.slot = slot;
    this.#startedAt = startedAt;
  }

  /** Its reload begins now; the time that it has counts from here. */
  begun(now: BootMs): void {
    this.#begunAt = now;
  }

  /** Its signal is sent, its command has ended, or its request was answered. @param refusal why that failed; or null */
  acted(refusal: string | null): void {
    this.#isDone = true;
    this.#refusal = refusal;
    this.#waitingFor = 'it was not checked';
  }

  /** Whether a check would say something about it. */
  get isToBeChecked(): boolean {
    return this.#isDone && this.#refusal === null;
  }

  /** It was checked. @param problem null if the check passed */
  checked(problem: string | null, now: BootMs): void {
    if (problem === null) this.#passing = { since: this.#passing?.since ?? now, until: now };
    else {
      this.#passing = null;
      this.#waitingFor = problem;
    }
  }

  /** It has sent something to its notify socket. */
  notified({ ready, reloading }: Notification): void {
    if (ready || reloading) this.#saysReady = ready;
  }

  /** Its main process has ended. @param agent its state until then */
  exited(agent: Agent): void {
    if (agent.state === 'stopping') this.#stop = { cause: agent.cause, reason: agent.reason };
  }

  /** What has become of it; null if that is open. @param ready the ready check of its release */
  judge(slot: Slot | undefined, ready: Ready, now: BootMs): Outcome | null {
    const end = this.endIn(slot);
    if (end) return end;
    if (this.#refusal !== null) return { is: 'failed', reason: this.#refusal };
    if (this.#isDone && this.#isVerified(ready)) return { is: 'reloaded' };
    if (this.#begunAt === null || now - this.#begunAt < ready.timeoutMs) return null;
    const reason = `not ready within ${ready.timeoutMs / 1000} s after its reload: ${this.#waitingFor}`;
    return { is: 'failed', reason };
  }

  /** What its end means; null if it serves, or its main process is being succeeded. */
  endIn(slot: Slot | undefined): Outcome | null {
    if (!slot?.wanted) return { is: 'skipped', reason: 'no longer wanted' };
    const { agent } = slot;
    if (agent.state === 'orphaned') return null;
    if (isServing(agent) && agent.run.startedAt === this.#startedAt) return null;
    const isItself = runOf(agent)?.startedAt === this.#startedAt;
    const stop = isItself && agent.state === 'stopping' ? agent : this.#stop;
    if (stop) return { is: IS_WANTED[stop.cause] ? 'skipped' : 'failed', reason: stop.reason };
    return { is: 'failed', reason: `it ended: ${slot.lastExit?.reason ?? 'unknown'}` };
  }

  #isVerified(ready: Ready): boolean {
    if (!this.#passing) return false;
    if (this.#saysReady) return true;
    const observedMs = 'afterMs' in ready ? Math.max(ready.afterMs, OBSERVED_MS) : OBSERVED_MS;
    return this.#passing.until - this.#passing.since >= observedMs;
  }
}
