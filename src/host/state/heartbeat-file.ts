import { closeSync, constants, fstatSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import type { Heartbeat, Phase } from '../../supervisor/silence.ts';
import { readStat } from '../proc/stat.ts';
import { bootMs } from '../sys/clock.ts';

/** The interval of heartbeats; a supervisor counts as stuck only after many of them. */
const INTERVAL_MS = 5_000;
/** The constant length, so that it is written in place: a full disk needs no room for it. */
const LENGTH = 192;

/**
 * The supervisor's heartbeat in its runtime directory, for those who get no answer from it: one small write every few
 * seconds, from a timer of the event loop, so that a loop that hangs sends none. A failed write has no consequences; it
 * is retried.
 */
export class HeartbeatFile {
  readonly #path: string;
  readonly #self: Omit<Heartbeat, 'phase' | 'atMs'>;
  readonly #timer: NodeJS.Timeout;
  #phase: Phase = 'recovering';
  #file: { fd: number; inode: number } | null = null;

  /** Writes the first one, of a supervisor that recovers. */
  constructor(path: string, bootId: string) {
    this.#path = path;
    this.#self = { pid: process.pid, startTicks: readStat(process.pid)!.startTicks, bootId };
    this.#beat();
    this.#timer = setInterval(() => this.#beat(), INTERVAL_MS);
    this.#timer.unref();
  }

  /** From now on agents are supervised, and the API answers. */
  supervises(): void {
    this.#phase = 'supervising';
    this.#beat();
  }

  #beat(): void {
    try {
      const isThere = statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#file?.inode;
      if (!isThere || !this.#file) this.#open();
      writeSync(this.#file!.fd, format({ ...this.#self, phase: this.#phase, atMs: bootMs() }), 0);
    } catch {}
  }

  /** Opens the file again if it was deleted, because readers would find none. */
  #open(): void {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW;
    const fd = openSync(this.#path, flags, 0o600);
    const former = this.#file;
    this.#file = { fd, inode: fstatSync(fd).ino };
    if (former) closeSync(former.fd);
  }
}

function format(heartbeat: Heartbeat): string {
  return `${JSON.stringify(heartbeat).padEnd(LENGTH - 1)}\n`;
}

/** Reads the newest heartbeat; null if there is none, or it is invalid. */
export function readHeartbeat(path: string): Heartbeat | null {
  try {
    const { pid, startTicks, bootId, phase, atMs } = JSON.parse(readFileSync(path, 'utf8')) as Heartbeat;
    const isSound =
      [pid, startTicks, atMs].every(Number.isFinite) && (phase === 'recovering' || phase === 'supervising');
    return isSound ? { pid, startTicks, bootId, phase, atMs } : null;
  } catch {
    return null;
  }
}
