import type { RequestListener, Server } from 'node:http';
import { FleetError } from '../../errors/fleet-error.ts';
import { loopbackServer } from './connections.ts';

/** What is served, for the error where its port cannot be had. */
export interface Offer {
  /** `metrics`, `the page`. */
  what: string;
  hint: string;
}

/** A server at a loopback port, which can move to another one. */
export class LoopbackServer {
  readonly #offer: Offer;
  #server: Server | null = null;

  constructor(offer: Offer) {
    this.#offer = offer;
  }

  get isServing(): boolean {
    return this.#server !== null;
  }

  /**
   * Serves at a port; where it served before, that goes on until the new one is there.
   * @param keep makes it last, once the port is ours
   * @throws FleetError PORT_TAKEN where the port cannot be had, or what `keep` throws; all is as before then
   */
  async move(port: number, listener: RequestListener, keep: () => void = () => {}): Promise<void> {
    const server = await this.#listen(port, listener);
    try {
      keep();
    } catch (error) {
      server.close();
      throw error;
    }
    this.close();
    this.#server = server;
  }

  /** Serves no longer, and cuts off who is connected. */
  close(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.#server = null;
  }

  #listen(port: number, listener: RequestListener): Promise<Server> {
    const { what, hint } = this.#offer;
    const server = loopbackServer(listener);
    return new Promise((resolve, reject) => {
      server.once('error', ({ code }: NodeJS.ErrnoException) => {
        const message = `${what} cannot be served at 127.0.0.1:${port}: ${code}`;
        reject(new FleetError('PORT_TAKEN', message, { hint }));
      });
      server.listen(port, '127.0.0.1', () => resolve(server));
    });
  }
}
