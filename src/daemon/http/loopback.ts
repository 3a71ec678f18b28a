import type { RequestListener, Server } from 'node:http';
import { FleetError } from '../../errors/fleet-error.ts';
import { loopbackServer } from './connections.ts';

/** What is served, for the error if its port is not available. */
export interface Offer {
  /** `metrics`, `the page`. */
  what: string;
  hint: string;
}

/** A server at a loopback port, which can move to another port. */
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
   * Serves at a port; the previous port is served until the new one is.
   * @param keep records the port, once it is ours
   * @throws FleetError PORT_TAKEN if the port is not available, or what `keep` throws; then nothing has changed
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

  /** Stops serving, and disconnects all clients. */
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
        const message = `cannot serve ${what} at 127.0.0.1:${port}: ${code}`;
        reject(new FleetError('PORT_TAKEN', message, { hint }));
      });
      server.listen(port, '127.0.0.1', () => resolve(server));
    });
  }
}
