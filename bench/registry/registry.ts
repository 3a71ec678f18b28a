import { createServer, type Server, type Socket } from 'node:net';

/** How often what has been served since the last time is answered. */
const TICK_MS = 2;
const BACKLOG = 4_096;

/** What a registry can do. */
export interface Ability {
  /** Registrations a second, so long after its first start. */
  capacityAt: (elapsedMs: number) => number;
  /** Registrations that may wait; more are refused. */
  queueMax: number;
}

/** A registry with one writer: it takes registrations one after the other, at its capacity, and refuses what would wait too long. */
export class Registry {
  readonly #ability: Ability;
  readonly #queue: Socket[] = [];
  readonly #members = new Set<Socket>();
  readonly #clients = new Set<Socket>();
  #server: Server | null = null;
  #timer: NodeJS.Timeout | null = null;
  #begunMs = 0;
  #servedMs = 0;
  #credit = 0;

  constructor(ability: Ability) {
    this.#ability = ability;
  }

  /** Agents that are registered. */
  get members(): number {
    return this.#members.size;
  }

  /** Listens at a loopback port. */
  async start(port: number): Promise<void> {
    this.#servedMs = performance.now();
    this.#credit = 0;
    const server = createServer((socket) => this.#take(socket));
    this.#server = server;
    this.#timer = setInterval(() => this.#serve(), TICK_MS);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host: '127.0.0.1', backlog: BACKLOG }, resolve);
    });
  }

  /** From now on `capacityAt` counts. */
  begin(): void {
    this.#begunMs = performance.now();
  }

  /** Ends, and with it every connection: each agent loses it at once. */
  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    this.#queue.length = 0;
    for (const client of this.#clients) client.destroy();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  #take(socket: Socket): void {
    if (this.#queue.length >= this.#ability.queueMax) {
      socket.on('error', () => {});
      socket.end('NO');
      return;
    }
    this.#clients.add(socket);
    this.#queue.push(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#clients.delete(socket);
      this.#members.delete(socket);
      const at = this.#queue.indexOf(socket);
      if (at >= 0) this.#queue.splice(at, 1);
    });
  }

  #serve(): void {
    const now = performance.now();
    this.#credit += ((now - this.#servedMs) / 1_000) * this.#ability.capacityAt(now - this.#begunMs);
    this.#servedMs = now;
    for (; this.#credit >= 1 && this.#queue.length > 0; this.#credit--) {
      const socket = this.#queue.shift()!;
      this.#members.add(socket);
      socket.write('OK');
    }
    // Time in which nobody waited is lost.
    if (this.#queue.length === 0) this.#credit = Math.min(this.#credit, 1);
  }
}
