import { createServer, type Server, type Socket } from 'node:net';

/** How often what has been served since the last time is answered. */
const TICK_MS = 2;

/** What a registry can do. */
export interface Ability {
  /** Registrations a second, so long after its start. */
  capacityAt: (elapsedMs: number) => number;
  /** Registrations that may wait; more are refused. */
  queueMax: number;
}

/** A registry with one writer: it takes registrations one after the other, at its capacity, and refuses what would wait too long. */
export class Registry {
  readonly #ability: Ability;
  readonly #queue: Socket[] = [];
  readonly #clients = new Set<Socket>();
  #server: Server | null = null;
  #timer: NodeJS.Timeout | null = null;
  #begunMs = 0;
  #servedMs = 0;
  #credit = 0;
  /** Registrations that came to nothing: refused, or given up by the agent. */
  failed = 0;
  registered = 0;

  constructor(ability: Ability) {
    this.#ability = ability;
  }

  /** Listens at a loopback port. */
  async start(port: number): Promise<void> {
    this.#begunMs ||= performance.now();
    this.#servedMs = performance.now();
    const server = createServer((socket) => this.#take(socket));
    this.#server = server;
    this.#timer = setInterval(() => this.#serve(), TICK_MS);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host: '127.0.0.1', backlog: 4096 }, resolve);
    });
  }

  /** Ends, and with it every connection: each agent loses it at once. */
  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    for (const client of this.#clients) client.destroy();
    this.#queue.length = 0;
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  #take(socket: Socket): void {
    this.#clients.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#clients.delete(socket);
      const at = this.#queue.indexOf(socket);
      if (at < 0) return;
      this.#queue.splice(at, 1);
      this.failed++;
    });
    if (this.#queue.length < this.#ability.queueMax) this.#queue.push(socket);
    else {
      this.failed++;
      socket.end('NO');
    }
  }

  #serve(): void {
    const now = performance.now();
    this.#credit += ((now - this.#servedMs) / 1000) * this.#ability.capacityAt(now - this.#begunMs);
    this.#servedMs = now;
    for (; this.#credit >= 1 && this.#queue.length > 0; this.#credit--) {
      this.registered++;
      this.#queue.shift()!.write('OK');
    }
    // Time in which nobody waited is lost.
    if (this.#queue.length === 0) this.#credit = Math.min(this.#credit, 1);
  }
}
