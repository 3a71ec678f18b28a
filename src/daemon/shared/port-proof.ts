import type { Sockets } from '../../host/host.ts';
import {
  ANY_ADDRESS,
  LOOPBACK_ADDRESS,
  type PortTable,
  type Protocol,
  rangeOf,
} from '../../host/proc/port-table.ts';
import { isLoopback } from '../../specification/addresses.ts';
import { formatPlace } from '../../specification/places.ts';

/** The result of a check: null if it passed, else what is wrong. */
export type Problem = string | null;

/** An agent whose port is to be proved. */
export interface PortOwner {
  key: string;
  port: number | null;
  /** The one address that it is to serve; null: any of the host. */
  address: string | null;
}

/** Who is looked at: everybody on the port, or only who could answer a request to 127.0.0.1. */
export type Asked = 'everywhere' | 'loopback';

const UNKNOWN_HOLDER = 'a process of another user or namespace';

/** Proves that the sockets at a port are the agent's own, and only the agent's: no client must reach another process. */
export class PortProof {
  readonly #sockets: Sockets;
  /** The sockets of each agent that were proved to be its own: proved once, then only compared. */
  readonly #proved = new Map<string, string>();

  constructor(sockets: Sockets) {
    this.#sockets = sockets;
  }

  /**
   * Why ports are not proved to be the agents'. For one agent, as after an exit, it is enough to know who gets its
   * connections, if that is the agent alone; otherwise the kernel walks through all listeners, once for all agents.
   * @param subjects agents with ports
   */
  problems(protocols: readonly Protocol[], subjects: readonly PortOwner[], asked: Asked): Problem[] {
    const [one] = subjects;
    if (one && subjects.length === 1 && protocols.join() === 'tcp') {
      const table = this.#sockets.reachablePorts(one.port!, one.address);
      if (table && this.#problem(one, [table], asked, new Holders(this.#sockets)) === null) return [null];
    }
    const tables = subjects.length > 0 ? this.#read(protocols, subjects) : [];
    const holders = new Holders(this.#sockets);
    return subjects.map((subject) => this.#problem(subject, tables, asked, holders));
  }

  /** The agent's sockets are proved again. */
  forget(key: string): void {
    this.#proved.delete(key);
  }

  #read(protocols: readonly Protocol[], subjects: readonly PortOwner[]): PortTable[] {
    const range = rangeOf(subjects.flatMap(({ port }) => port ?? []));
    return protocols.map((protocol) => this.#sockets.readPorts(protocol, range));
  }

  #problem(owner: PortOwner, tables: readonly PortTable[], asked: Asked, holders: Holders): Problem {
    return owner.address === null
      ? this.#portProblem(owner, tables, asked, holders)
      : this.#addressProblem(owner, owner.address, tables, holders);
  }

  #portProblem(
    { key, port }: PortOwner,
    tables: readonly PortTable[],
    asked: Asked,
    holders: Holders,
  ): Problem {
    const bound = tables.map((table) =>
      table
        .inodes(port!)
        .filter((inode) => asked === 'everywhere' || isAskedAtLoopback(table.addressOf(inode))),
    );
    const inodes = bound.flat();
    if (inodes.length === 0) return `port ${port} is not open`;
    const known = inodes.join();
    if (this.#proved.get(key) === known) return null;
    const own = this.#ownAmong(key, inodes);
    const foreign = tables.flatMap((table, i) => foreignAmong(table, bound[i]!, own));
    return this.#judge(key, `port ${port}`, { known, inodes, own, foreign }, holders);
  }

  /** An agent with an address of its own serves there, and nowhere else: what it takes at others belongs to others. */
  #addressProblem(
    { key, port }: PortOwner,
    address: string,
    tables: readonly PortTable[],
    holders: Holders,
  ): Problem {
    const place = formatPlace({ port: port!, address });
    const exact = tables.flatMap((table) => table.inodesAt(port!, address));
    const atAny = tables.flatMap((table) => table.inodesAtAny(port!).map((inode) => ({ table, inode })));
    const known = [...exact, ...atAny.map(({ inode }) => inode)].join();
    if (known !== '' && this.#proved.get(key) === known) return null;
    const wide = atAny.find(({ inode }) => holders.isHeldBy(key, inode, atAny));
    if (wide) {
      const where = formatPlace({ port: port!, address: wide.table.textOf(wide.inode) });
      return `it listens on ${where}, not on ${place} alone`;
    }
    const takers = atAny.filter(({ table, inode }) => table.isAnyFor(inode, address));
    const inodes = [...exact, ...takers.map(({ inode }) => inode)];
    if (inodes.length === 0) {
      const isHere = isLoopback(address) || this.#sockets.isLocal(address);
      return `${place} is not open${isHere ? '' : ': this host does not have the address'}`;
    }
    const own = this.#ownAmong(key, exact);
    const foreign = inodes.filter((inode) => !own.has(inode));
    return this.#judge(key, place, { known, inodes, own, foreign }, holders);
  }

  #ownAmong(key: string, inodes: readonly number[]): Set<number> {
    return new Set(inodes.filter((inode) => this.#sockets.holds(key, [inode])));
  }

  #judge(key: string, place: string, { known, inodes, own, foreign }: Found, holders: Holders): Problem {
    if (own.size === 0) return `${place} does not belong to the agent: held by ${holders.describe(inodes)}`;
    if (foreign.length > 0)
      return `${place} does not belong to the agent alone: also held by ${holders.describe(foreign)}`;
    this.#proved.set(key, known);
    return null;
  }
}

/** The sockets that serve an agent's port. */
interface Found {
  /** All that were looked at, as text. */
  known: string;
  inodes: readonly number[];
  own: ReadonlySet<number>;
  foreign: readonly number[];
}

/**
 * Who holds sockets, as of one pass over the agents: each look at every process of the host is taken at most once, however
 * many agents it concerns.
 */
class Holders {
  readonly #sockets: Sockets;
  /** The slot that holds each socket that was looked for; null: none does. */
  readonly #slots = new Map<number, string | null>();
  readonly #descriptions = new Map<string, string>();

  constructor(sockets: Sockets) {
    this.#sockets = sockets;
  }

  /** Whether a slot's processes hold a socket that is bound to any address. @param all of them, of the same port */
  isHeldBy(key: string, inode: number, all: readonly { inode: number }[]): boolean {
    if (!this.#slots.has(inode)) {
      const inodes = all.map((each) => each.inode);
      const found = this.#sockets.slotsHolding(inodes);
      for (const each of inodes) this.#slots.set(each, found.get(each) ?? null);
    }
    return this.#slots.get(inode) === key;
  }

  describe(inodes: readonly number[]): string {
    const all = inodes.join();
    const known = this.#descriptions.get(all) ?? this.#sockets.holderOf(inodes) ?? UNKNOWN_HOLDER;
    this.#descriptions.set(all, known);
    return known;
  }
}

/** The sockets of other processes that could answer instead of the agent: at the same address, or at any. */
function foreignAmong(table: PortTable, inodes: readonly number[], own: ReadonlySet<number>): number[] {
  const addresses = inodes.filter((inode) => own.has(inode)).map((inode) => table.addressOf(inode));
  const competes = (address: string) =>
    addresses.some((mine) => mine === address || mine === ANY_ADDRESS || address === ANY_ADDRESS);
  return inodes.filter((inode) => !own.has(inode) && competes(table.addressOf(inode)));
}

/** Whether a socket at this address answers connections to 127.0.0.1. */
function isAskedAtLoopback(address: string): boolean {
  return address === ANY_ADDRESS || address === LOOPBACK_ADDRESS;
}
