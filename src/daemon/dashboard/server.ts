import type { IncomingMessage, ServerResponse } from 'node:http';
import { FleetError } from '../../errors/fleet-error.ts';
import { LoopbackServer } from '../http/loopback.ts';
import type { Report } from '../report/report.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { answer, sendText } from './answers.ts';
import { Audience } from './audience.ts';
import type { FeedParts } from './feed.ts';
import { newToken, refuse } from './guard.ts';
import { History } from './history.ts';
import type { HostHistory } from './host-history.ts';

const PORT_DEFAULT = 9955;

/**
 * Serves the web page at a loopback port, if a user has enabled it. It is read-only: nothing can be changed through it.
 */
export class Dashboard {
  readonly #supervisor: Supervisor;
  readonly #report: Report;
  readonly #audience: Audience;
  readonly #history: History;
  readonly #hostHistory: HostHistory;
  readonly #server = new LoopbackServer({
    what: 'the page',
    hint: 'Choose another port: fleetctl dashboard --port N.',
  });

  constructor(parts: FeedParts & { hostHistory: HostHistory }) {
    const { supervisor, report, metrics, hostHistory } = parts;
    this.#supervisor = supervisor;
    this.#report = report;
    this.#hostHistory = hostHistory;
    this.#audience = new Audience({ supervisor, report, metrics });
    this.#history = new History(supervisor.readings);
  }

  /** The URL of the page, token included; null if it is off. */
  get url(): string | null {
    const { dashboard } = this.#supervisor.store.settings;
    return dashboard ? `http://127.0.0.1:${dashboard.port}/?token=${dashboard.token}` : null;
  }

  /**
   * Serves at a port from now on, also under the next supervisor; undefined keeps the current port, or takes the default.
   * The token lasts until null turns the page off.
   * @throws FleetError PORT_TAKEN if the port is not available
   */
  async set(port: number | null | undefined): Promise<void> {
    const { store } = this.#supervisor;
    const { dashboard, ...others } = store.settings;
    if (port === null) {
      store.writeSettings(others);
      this.close();
      return;
    }
    const wanted = {
      port: port ?? dashboard?.port ?? PORT_DEFAULT,
      token: dashboard?.token ?? newToken(),
    };
    if (this.#server.isServing && wanted.port === dashboard?.port) return;
    const keep = () => store.writeSettings({ ...others, dashboard: wanted });
    await this.#server.move(wanted.port, this.#listener(wanted.token), keep);
  }

  /** Serves at the port of an earlier supervisor. @throws as set() does */
  async resume(): Promise<void> {
    const { dashboard } = this.#supervisor.store.settings;
    if (dashboard) await this.#server.move(dashboard.port, this.#listener(dashboard.token));
  }

  close(): void {
    this.#server.close();
    this.#audience.close();
    this.#history.clear();
  }

  #listener(token: string) {
    return (request: IncomingMessage, response: ServerResponse): void => {
      this.#answer(token, request, response).catch(() => response.destroy());
    };
  }

  async #answer(token: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Anybody on this host may send anything: URL() throws at a request for `//`.
    const url = URL.parse(request.url ?? '', 'http://localhost');
    const refusal = refuse(request, url, token);
    if (refusal) return sendText(response, refusal.status, refusal.message);
    try {
      const memory = { history: this.#history, hostHistory: this.#hostHistory };
      const sources = { supervisor: this.#supervisor, report: this.#report, token, ...memory };
      await answer({ ...sources, audience: this.#audience }, url!, request, response);
    } catch (error) {
      if (!(error instanceof FleetError)) this.#supervisor.log.error({ err: error }, 'the dashboard failed');
      sendText(response, error instanceof FleetError ? 404 : 500, (error as Error).message);
    }
  }
}
