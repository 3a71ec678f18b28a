import type { Logger } from 'pino';
import { sendNotification } from '../host/net/systemd-notify.ts';

/**
 * The exit status of a unit's supervisor after `fleetctl shutdown`: RestartPreventExitStatus= of fleetd.service.
 * Restart=always undoes any other end.
 */
const SHUTDOWN_STATUS = 100;
/** The number of heartbeats within WatchdogSec=: sd_watchdog_enabled(3) asks for two, and one may come late. */
const BEATS = 3;

/**
 * Notifies the service manager, if there is one, that the supervisor is ready, that its event loop turns, and that it
 * ends. The heartbeat is a timer of that loop, so a loop that hangs sends none.
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
    if (intervalMs !== null) this.#timer = setInterval(() => this.#notify('WATCHDOG=1'), intervalMs);
  }

  /** The exit code of a supervisor that must stay down. */
  get shutdownStatus(): number {
    return this.#socket === null ? 0 : SHUTDOWN_STATUS;
  }

  /** The API answers, and agents are supervised. */
  ready(status: string): void {
    this.#notify(`READY=1\nSTATUS=${status}`);
  }

  /** TimeoutStopSec= counts from now on, so agents that must stop have done so before. */
  stopping(): void {
    clearInterval(this.#timer);
    this.#notify('STOPPING=1');
  }

  #notify(message: string): void {
    if (this.#socket === null) return;
    try {
      sendNotification(this.#socket, message);
    } catch (error) {
      this.#log.warn({ error: (error as Error).message }, 'cannot notify the service manager');
    }
  }
}

/** The interval at which the service manager expects a heartbeat of the process `pid`; null if it expects none. */
export function heartbeatIntervalMs(env: NodeJS.ProcessEnv, pid: number): number | null {
  const timeoutMs = Number(env.WATCHDOG_USEC) / 1000;
  const isMeant = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === pid;
  return env.NOTIFY_SOCKET && isMeant && timeoutMs > 0 ? Math.max(1, Math.floor(timeoutMs / BEATS)) : null;
}
