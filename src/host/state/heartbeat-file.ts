import { closeSync, constants, fstatSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import type { Heartbeat, Phase } from '../../supervisor/silence.ts';
import { readStat } from '../proc/stat.ts';
import { bootMs } from '../sys/clock.ts';

/** A heartbeat is due this often; a supervisor counts as stuck only after many of them. */
const INTERVAL_MS = 5_000;
/** Always as long, so that it is written in place: a disk that is full has to find no room for it. */
const LENGTH = 192;

/**
 * The supervisor's sign of life in its runtime directory, for whoever finds that it does not answer: one small write
 * every few seconds, from a timer of the event loop, since a loop that hangs is to give none. A file that cannot be
 * written is no reason for anything; it is tried again.
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

  /** From now on agents are under supervision, and the API answers. */
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

  /** Also where somebody has deleted it: whoever looks there would find none. */
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

/** Reads the newest heartbeat; null where there is none, or none that makes sense. */
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
