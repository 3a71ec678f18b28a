import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WantedStore } from '../../store/wanted.ts';
import { LoopbackServer } from '../http/loopback.ts';
import type { Metrics } from './metrics.ts';

/** The minimum interval between two computations, however often any user of this host asks. */
const FRESH_MS = 500;

/** Serves metrics to a Prometheus on this host, at a loopback port, if a user has enabled it. */
export class MetricsServer {
  readonly #metrics: Metrics;
  readonly #store: WantedStore;
  readonly #server = new LoopbackServer({ what: 'metrics', hint: 'Choose another --port.' });
  readonly #answers = new Map<boolean, { at: number; text: ReturnType<Metrics['text']> }>();

  constructor(metrics: Metrics, store: WantedStore) {
    this.#metrics = metrics;
    this.#store = store;
  }

  /** The port that is served, or was requested; null if there is none. */
  get port(): number | null {
    return this.#store.settings.metricsPort ?? null;
  }

  /**
   * Serves at a port from now on, also under the next supervisor; null ends that.
   * @throws FleetError PORT_TAKEN if the port is not available
   */
  async set(port: number | null): Promise<void> {
    const { metricsPort: _, ...others } = this.#store.settings;
    if (port === null) {
      this.#store.writeSettings(others);
      this.close();
    } else if (port !== this.port || !this.#server.isServing) {
      const keep = () => this.#store.writeSettings({ ...others, metricsPort: port });
      await this.#server.move(port, this.#listener, keep);
    }
  }

  /** Serves at the port of an earlier supervisor. @throws as set() does */
  async resume(): Promise<void> {
    if (this.port !== null) await this.#server.move(this.port, this.#listener);
  }

  close(): void {
    this.#server.close();
  }

  readonly #listener = (request: IncomingMessage, response: ServerResponse): void => {
    this.#answer(request, response).catch((error: Error) => response.destroy(error));
  };

  /** Anybody on this host may send anything: URL() throws at a request for `//`. */
  async #answer({ method, url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = URL.parse(url, 'http://localhost');
    if (method !== 'GET' || asked?.pathname !== '/metrics') {
      response.writeHead(404).end('metrics are at /metrics\n');
      return;
    }
    const { contentType, body } = await this.#text(asked.searchParams.get('agents') === '1');
    response.writeHead(200, { 'content-type': contentType }).end(body);
  }

  #text(withAgents: boolean): ReturnType<Metrics['text']> {
    const known = this.#answers.get(withAgents);
    if (known && performance.now() - known.at < FRESH_MS) return known.text;
    const text = this.#metrics.text(withAgents);
    this.#answers.set(withAgents, { at: performance.now(), text });
    return text;
  }
}
