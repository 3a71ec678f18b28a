import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

type Value = { stringValue?: string; intValue?: number | string; boolValue?: boolean };
type Pair = { key: string; value: Value };

/** A span as a collector gets it, with its attributes as a record. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status: { code?: number; message?: string };
  attributes: Record<string, unknown>;
}

export interface ReceivedLog {
  traceId?: string;
  eventName: string;
  severityText: string;
  body: string;
  attributes: Record<string, unknown>;
}

/** A small receiver of OTLP over HTTP, with JSON. */
export class Collector {
  readonly spans: ReceivedSpan[] = [];
  readonly logs: ReceivedLog[] = [];
  /** The attributes of whoever sent something last. */
  resource: Record<string, unknown> = {};
  /** The headers of the last request. */
  headers: Record<string, unknown> = {};
  /** What it answers. */
  status = 200;
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      this.headers = request.headers;
      if (this.status === 200) this.#take(request.url!, JSON.parse(text));
      response.writeHead(this.status, { 'content-type': 'application/json' }).end('{}');
    });
  }

  /** @returns its URL */
  async open(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #take(url: string, { resourceSpans = [], resourceLogs = [] }: Record<string, never[]>): void {
    if (url !== '/v1/traces' && url !== '/v1/logs') throw new Error(`unexpected ${url}`);
    for (const { resource, scopeSpans } of resourceSpans as Sent<'scopeSpans', 'spans'>[]) {
      this.resource = record(resource.attributes);
      for (const { spans } of scopeSpans) for (const span of spans) this.spans.push(readable(span) as never);
    }
    for (const { scopeLogs } of resourceLogs as Sent<'scopeLogs', 'logRecords'>[])
      for (const { logRecords } of scopeLogs)
        for (const log of logRecords)
          this.logs.push({ ...readable(log), body: plain(log.body as Value) } as never);
  }
}

type Item = { attributes: Pair[] } & Record<string, unknown>;
type Sent<Scope extends string, Items extends string> = { resource: { attributes: Pair[] } } & Record<
  Scope,
  Record<Items, Item[]>[]
>;

function readable(item: Item): object {
  return { ...item, attributes: record(item.attributes) };
}

function record(pairs: readonly Pair[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, plain(value)]));
}

function plain({ stringValue, intValue, boolValue }: Value): unknown {
  return stringValue ?? boolValue ?? Number(intValue);
}
