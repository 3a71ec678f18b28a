import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { FleetError } from '../../errors/fleet-error.ts';
import type { Settings } from '../../store/settings.ts';
import { loopbackServer } from '../api/connections.ts';
import type { Metrics } from '../report/metrics.ts';
import type { Report } from '../report/report.ts';
import type { Supervisor } from '../supervisor.ts';
import { answer, sendText } from './answers.ts';
import { Audience } from './audience.ts';
import { newToken, refuse } from './guard.ts';
import { History } from './history.ts';

const PORT_DEFAULT = 9955;
/**
 * Serves the web page at a loopback port, where somebody has asked for that. It is for reading only: nothing that
 * changes anything can be reached through it.
 */
export class Dashboard {
  readonly #supervisor: Supervisor;
  readonly #report: Report;
  readonly #audience: Audience;
  readonly #history: History;
  #server: Server | null = null;

  constructor(supervisor: Supervisor, report: Report, metrics: Metrics) {
    this.#supervisor = supervisor;
    this.#report = report;
    this.#audience = new Audience({ supervisor, report, metrics });
    this.#history = new History(supervisor.readings);
  }

  /** Where the page is, token included; null where it is off. */
  get url(): string | null {
    const { dashboard } = this.#supervisor.store.settings;
    return dashboard ? `http://127.0.0.1:${dashboard.port}/?token=${dashboard.token}` : null;
  }

  /**
   * Serves at a port from now on, also under the next supervisor; undefined keeps the port that it has, or takes the
   * usual one. The token lasts until null turns the page off.
   * @throws FleetError PORT_TAKEN where the port cannot be had
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
    if (this.#server && wanted.port === dashboard?.port) return;
    const server = await this.#listen(wanted);
    store.writeSettings({ ...others, dashboard: wanted });
    this.close();
    this.#server = server;
  }

  /** Serves where an earlier supervisor did. @throws as set() does */
  async resume(): Promise<void> {
    const { dashboard } = this.#supervisor.store.settings;
    if (dashboard) this.#server = await this.#listen(dashboard);
  }

  close(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.#server = null;
    this.#audience.close();
    this.#history.clear();
  }

  async #answer(token: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Anybody on this host may ask, and ask anything: `//` is a request that URL() throws at.
    const url = URL.parse(request.url ?? '', 'http://localhost');
    const refusal = refuse(request, url, token);
    if (refusal) return sendText(response, refusal.status, refusal.message);
    try {
      const sources = { supervisor: this.#supervisor, report: this.#report, token };
      await answer({ ...sources, audience: this.#audience, history: this.#history }, url!, request, response);
    } catch (error) {
      if (!(error instanceof FleetError)) this.#supervisor.log.error({ err: error }, 'the dashboard failed');
      sendText(response, error instanceof FleetError ? 404 : 500, (error as Error).message);
    }
  }

  #listen({ port, token }: NonNullable<Settings['dashboard']>): Promise<Server> {
    const server = loopbackServer((request, response) => {
      this.#answer(token, request, response).catch(() => response.destroy());
    });
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        reject(
          FleetError.of('PORT_TAKEN.loopback', { what: 'the dashboard', port, reason: String(error.code) }),
        );
      });
      server.listen(port, '127.0.0.1', () => resolve(server));
    });
  }
}
