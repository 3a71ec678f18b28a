import type { FastifyInstance } from 'fastify';
import { explainFailure } from '../../host/facts/explain.ts';
import { makeTraversable, removeSocket, socketIdentity } from '../../host/state/statedir.ts';
import type { Paths } from '../../specification/paths.ts';

/**
 * The API at its socket. One that somebody has deleted, or put something else in the place of, is made anew: nobody
 * could reach a supervisor that runs, and none beside it can be started.
 */
export class ApiServer {
  readonly #path: string;
  readonly #directory: string;
  readonly #build: () => FastifyInstance;
  #app: FastifyInstance | null = null;
  #identity: string | null = null;

  /** @param build makes what is served; an instance cannot listen twice */
  constructor({ apiSocket, runtimeDir }: Paths, build: () => FastifyInstance) {
    this.#path = apiSocket;
    this.#directory = runtimeDir;
    this.#build = build;
  }

  /** Begins to serve. @throws FleetError where the socket cannot be made */
  async open(): Promise<void> {
    this.#app = this.#build();
    try {
      makeTraversable(this.#directory);
      removeSocket(this.#path);
      await this.#app.listen({ path: this.#path });
      this.#identity = socketIdentity(this.#path);
    } catch (error) {
      throw explainFailure(`cannot serve the API at ${this.#path}`, error, this.#directory);
    }
  }

  /** Whether what is at the path is the socket that is served. */
  get isThere(): boolean {
    return this.#identity !== null && socketIdentity(this.#path) === this.#identity;
  }

  /** Serves at a new socket. Requests under way are cut off: they came over one that nobody can find any more. */
  async reopen(): Promise<void> {
    await this.close();
    await this.open();
  }

  /** Ceases to serve, and cuts off who is still connected. */
  async close(): Promise<void> {
    const app = this.#app;
    this.#app = null;
    this.#identity = null;
    await app?.close();
  }
}
