import type { Sockets } from '../../src/host/host.ts';
import { kernelAddress } from '../../src/host/proc/address.ts';
import { Connections } from '../../src/host/proc/net.ts';
import { PortTable } from '../../src/host/proc/port-table.ts';
import { type Result, refusal } from '../../src/host/sys/result.ts';
import type { HostWorld } from './fake-host.ts';
import type { FakeProcesses } from './fake-processes.ts';

/** Sockets of an imaginary host: whoever is ready serves. */
export class FakeSockets implements Sockets {
  readonly #world: HostWorld;
  readonly #processes: FakeProcesses;

  constructor(world: HostWorld, processes: FakeProcesses) {
    this.#world = world;
    this.#processes = processes;
  }

  reachablePorts(): PortTable {
    return this.readPorts();
  }

  /** Who has an address listens there alone; of several others on a port, the last has it. */
  readPorts(): PortTable {
    const inodes = new Map<string, { port: number; address: string; pid: number }>();
    for (const { env, isReady, pid } of this.#world.kernel.processes.values()) {
      if (!isReady || !env.FLEET_PORT) continue;
      const address = env.FLEET_ADDRESS ? kernelAddress(env.FLEET_ADDRESS) : '00000000';
      inodes.set(`${address} ${env.FLEET_PORT}`, { port: Number(env.FLEET_PORT), address, pid });
    }
    const table = new PortTable();
    for (const { port, address, pid } of inodes.values()) table.add(port, pid, address);
    return table;
  }

  slotsHolding(inodes: readonly number[]): Map<number, string> {
    const { processes } = this.#world.kernel;
    return new Map(
      inodes.flatMap((pid) => {
        const key = processes.get(pid)?.key;
        return key ? [[pid, key] as const] : [];
      }),
    );
  }

  isLocal(): boolean {
    return true;
  }

  /** A socket's inode is the pid of who serves it. */
  holds(key: string, inodes: readonly number[]): boolean {
    return inodes.some((pid) => this.#world.kernel.processes.get(pid)?.key === key);
  }

  holderOf(inodes: readonly number[]): string | null {
    return inodes.length > 0 ? `pid ${inodes[0]}` : null;
  }

  socketProblem(key: string): string | null {
    const main = this.#processes.mainOf(key);
    return main?.isReady && this.#world.kernel.isAlive(main) ? null : 'connect: ECONNREFUSED';
  }

  readConnections(): Promise<Connections> {
    return Promise.resolve(new Connections());
  }

  async get(): Promise<Result<number>> {
    return refusal(new Error('nothing answers HTTP in the simulated world'));
  }

  async fetchNumber(): Promise<number> {
    throw new Error('nothing answers HTTP in the simulated world');
  }

  /** Whoever is told anything takes it. */
  postJson(_url: string, _json: string): Promise<void> {
    return Promise.resolve();
  }

  journalIsThere(): boolean {
    return false;
  }

  openJournal(): number {
    throw new Error('there is no journal in the simulated world');
  }

  closeJournal(): void {}
}
