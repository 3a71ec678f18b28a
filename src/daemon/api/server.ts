import { basename, dirname } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { explainFailure } from '../../host/facts/explain.ts';
import { makeTraversable, removeSocket, socketIdentity } from '../../host/state/statedir.ts';

/**
 * The API at its socket. If the socket is deleted or replaced, it is made again: otherwise the running supervisor could
 * not be reached, and its lock would keep a second one from starting.
 */
export class ApiServer {
  readonly #path: string;
  readonly #directory: string;
  readonly #build: () => FastifyInstance;
  readonly #made: (path: string) => void;
  #app: FastifyInstance | null = null;
  #identity: string | null = null;

  /**
   * @param build makes the server; an instance cannot listen twice
   * @param made is called with each socket that was made; until then only the supervisor's user can open it
   */
  constructor(path: string, build: () => FastifyInstance, made: (path: string) => void = () => {}) {
    this.#path = path;
    this.#directory = dirname(path);
    this.#build = build;
    this.#made = made;
  }

  /** The name of its socket. */
  get name(): string {
    return basename(this.#path);
  }

  /** Starts to serve. @throws FleetError if the socket cannot be made */
  async open(): Promise<void> {
    this.#app = this.#build();
    try {
      makeTraversable(this.#directory);
      removeSocket(this.#path);
      await this.#app.listen({ path: this.#path });
      this.#made(this.#path);
      this.#identity = socketIdentity(this.#path);
    } catch (error) {
      throw explainFailure(`cannot serve the API at ${this.#path}`, error, this.#directory);
    }
  }

  /** Whether the path still holds the socket that is served. */
  get isThere(): boolean {
    return this.#identity !== null && socketIdentity(this.#path) === this.#identity;
  }

  /** Serves at a new socket. Requests under way are cut off: their socket can no longer be found. */
  async reopen(): Promise<void> {
    await this.close();
    await this.open();
  }

  /** Stops serving, and disconnects all clients. */
  async close(): Promise<void> {
    const app = this.#app;
    this.#app = null;
    this.#identity = null;
    await app?.close();
  }
}
