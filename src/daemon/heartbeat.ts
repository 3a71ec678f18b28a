import type { Logger } from 'pino';
import { sendNotification } from '../host/net/systemd-notify.ts';

/**
 * How the supervisor of a unit ends when it was told to by `fleetctl shutdown`: RestartPreventExitStatus= of
 * fleetd.service. Any other end is one that Restart=always undoes.
 */
const SHUTDOWN_STATUS = 100;
/** So many heartbeats within WatchdogSec=: sd_watchdog_enabled(3) asks for two, and one may come late. */
const BEATS = 3;

/**
 * What the service manager is told, where there is one: that the supervisor is ready, that its event loop turns, that
 * it ends. The heartbeat is a timer of that loop: a loop that hangs sends none.
 */
export class Heartbeat {
  readonly #socket: string | null;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;

  /** @param env the environment: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID as in sd_notify(3), sd_watchdog_enabled(3) */
  constructor(env: NodeJS.ProcessEnv, log: Logger) {
    this.#socket = env.NOTIFY_SOCKET || null;
    this.#log = log;
    const intervalMs = heartbeatIntervalMs(env, process.pid);
    if (intervalMs !== null) this.#timer = setInterval(() => this.#say('WATCHDOG=1'), intervalMs);
  }

  /** The exit code of a supervisor that was told to stay down. */
  get shutdownStatus(): number {
    return this.#socket === null ? 0 : SHUTDOWN_STATUS;
  }

  /** The API answers, and agents are under supervision. */
  ready(status: string): void {
    this.#say(`READY=1\nSTATUS=${status}`);
  }

  /** From now on TimeoutStopSec= counts: so not before agents that are to be stopped have been. */
  stopping(): void {
    clearInterval(this.#timer);
    this.#say('STOPPING=1');
  }

  #say(message: string): void {
    if (this.#socket === null) return;
    try {
      sendNotification(this.#socket, message);
    } catch (error) {
      this.#log.warn({ error: (error as Error).message }, 'cannot tell the service manager');
    }
  }
}

/** How often the service manager wants to hear of the process `pid`; null where it does not ask. */
export function heartbeatIntervalMs(env: NodeJS.ProcessEnv, pid: number): number | null {
  const timeoutMs = Number(env.WATCHDOG_USEC) / 1000;
  const isMeant = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === pid;
  return env.NOTIFY_SOCKET && isMeant && timeoutMs > 0 ? Math.max(1, Math.floor(timeoutMs / BEATS)) : null;
}
