/** What a message of sd_notify(3) says, as far as it concerns a supervisor. */
export interface Notification {
  ready: boolean;
  /** WATCHDOG=1: it is well. */
  watchdog: boolean;
  reloading: boolean;
  stopping: boolean;
  /** MAINPID=: the main process from now on; null if the message names none. */
  mainPid: number | null;
  /** EXTEND_TIMEOUT_USEC=: the time that the agent asks for, in milliseconds; null if it asks for none. */
  extendMs: number | null;
}

const PID = /^[1-9]\d{0,8}$/;
const MICROSECONDS = /^\d{1,15}$/;

/** Reads a message: lines of NAME=value, of which unknown ones are ignored; of several with one name, the last counts. */
export function parseNotification(text: string): Notification {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1));
  }
  const isSet = (name: string) => values.get(name) === '1';
  const pid = values.get('MAINPID') ?? '';
  const extension = values.get('EXTEND_TIMEOUT_USEC') ?? '';
  return {
    ready: isSet('READY'),
    watchdog: isSet('WATCHDOG'),
    reloading: isSet('RELOADING'),
    stopping: isSet('STOPPING'),
    mainPid: PID.test(pid) ? Number(pid) : null,
    extendMs: MICROSECONDS.test(extension) ? Number(extension) / 1_000 : null,
  };
}
