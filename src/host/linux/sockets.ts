import { httpGet } from '../net/http-get.ts';
import { postJson } from '../net/http-post.ts';
import { fetchNumber } from '../net/json-field.ts';
import { isLocal } from '../net/local.ts';
import { readPortRange } from '../net/sock-diag.ts';
import { lookUpListeners } from '../net/sock-lookup.ts';
import { findListener, journalIsThere, openJournal } from '../net/unix.ts';
import { readConnections } from '../proc/net.ts';
import { findSocketFd, listPids, readCommand } from '../proc/pid.ts';
import type { PortRange, PortTable, Protocol } from '../proc/port-table.ts';
import type { Sockets } from '../sockets.ts';
import { socketsOf } from '../strays/origin.ts';
import { closeFd } from '../sys/pidfd.ts';

/** Maps processes to slots. */
interface Slots {
  pidOf(key: string): number | null;
  keyOf(pid: number): string | null;
}

/** Sockets of Linux: found by sock_diag, proved by the inodes among a process's descriptors. */
export class LinuxSockets implements Sockets {
  readonly #slots: Slots;
  /** The descriptor of the last agent's listening socket. */
  #usualFd: string | null = null;
  readonly get = httpGet;
  readonly fetchNumber = fetchNumber;
  readonly postJson = postJson;
  readonly readConnections = (addresses?: readonly string[]) => readConnections(addresses);
  readonly isLocal = isLocal;
  readonly journalIsThere = () => journalIsThere();
  readonly openJournal = (identifier: string) => openJournal(identifier);
  readonly closeJournal = closeFd;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  readPorts(protocol: Protocol, range: PortRange): PortTable {
    return readPortRange(protocol, range);
  }

  reachablePorts(port: number, address: string | null): PortTable | null {
    return lookUpListeners(port, address);
  }

  holds(key: string, inodes: readonly number[]): boolean {
    const main = this.#slots.pidOf(key);
    if (main === null || inodes.length === 0) return false;
    const fd = findSocketFd(main, inodes, this.#usualFd);
    if (fd !== null) {
      this.#usualFd = fd;
      return true;
    }
    // Only a worker that the agent forked may hold it; that is rare, so the whole host is searched for it.
    return listPids().some(
      (pid) => this.#slots.keyOf(pid) === key && findSocketFd(pid, inodes, null) !== null,
    );
  }

  slotsHolding(inodes: readonly number[]): Map<number, string> {
    const wanted = new Set(inodes);
    const slots = new Map<number, string>();
    for (const pid of listPids()) {
      const held = socketsOf(pid).filter((inode) => wanted.has(inode));
      const key = held.length > 0 ? this.#slots.keyOf(pid) : null;
      if (key !== null) for (const inode of held) slots.set(inode, key);
    }
    return slots;
  }

  holderOf(inodes: readonly number[]): string | null {
    const pid = listPids().find((candidate) => findSocketFd(candidate, inodes, null) !== null);
    if (pid === undefined) return null;
    const key = this.#slots.keyOf(pid);
    return `pid ${pid} (${readCommand(pid)}${key ? `, ${key.replace('/', ' slot ')}` : ''})`;
  }

  socketProblem(key: string, path: string): string | null {
    const listener = findListener(path);
    if (!listener.ok) return `connect: ${listener.error.code}`;
    const { value: pid } = listener;
    const isOurs = pid === this.#slots.pidOf(key) || this.#slots.keyOf(pid) === key;
    return isOurs ? null : `served by pid ${pid}, which is not the agent`;
  }
}
