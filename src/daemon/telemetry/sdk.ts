/*
 * The only file that knows the libraries of OpenTelemetry. It is built into a file of its own, which is loaded only where
 * OTEL_EXPORTER_OTLP_ENDPOINT is set.
 */

import { hostname } from 'node:os';
import {
  DiagLogLevel,
  diag,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SeverityNumber,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { FleetEvent } from '../../api/events.ts';
import type { Span, Tracer } from './traces.ts';

/** What waits to be sent, of each kind; more is dropped. */
const QUEUE = { maxQueueSize: 4_096, maxExportBatchSize: 512 } as const;
/** One export with its retries. */
const EXPORT_MS = 5_000;
const EXPORTER = { timeoutMillis: EXPORT_MS, concurrencyLimit: 2 } as const;
/** The end of the supervisor does not wait longer for what is still to be sent. */
const CLOSE_MS = 2_000;
/** Types of events that say that something went wrong. */
const WARNINGS: ReadonlySet<string> = new Set([
  'start-failed',
  'unhealthy',
  'kill',
  'hold',
  'limit',
  'remnant',
]);

/** What an exporter of spans and one of log records have in common. */
interface Exporter {
  export(items: never, done: (result: { code: number; error?: Error }) => void): void;
}

export interface SdkOptions {
  version: string;
  /** Identifies the supervisor among others on this host. */
  instance: string;
  /** An attempt to send has ended. @param error why it failed; null if it did not */
  onSent: (signal: 'traces' | 'logs', error: Error | null) => void;
  /** Something was dropped, or a variable was not understood. */
  onWarning: (message: string) => void;
}

export interface Sdk {
  tracer: Tracer;
  /** Sends an event, as a part of a trace if there is one. */
  log(event: FleetEvent, span: Span | null): void;
  /** Sends what waits, within a bounded time. */
  close(): Promise<void>;
}

/** Opens the export over OTLP/HTTP, with endpoint and headers as the variables OTEL_EXPORTER_OTLP_… say. */
export function openSdk({ version, instance, onSent, onWarning }: SdkOptions): Sdk {
  const warn = (message: string) => onWarning(message);
  diag.setLogger(
    { error: warn, warn, info: () => {}, debug: () => {}, verbose: () => {} },
    DiagLogLevel.WARN,
  );
  const resource = resourceFromAttributes({
    'service.name': 'fleetd',
    'service.version': version,
    'service.instance.id': instance,
    'host.name': hostname(),
  }).merge(detectResources({ detectors: [envDetector] }));
  const counted = <E extends Exporter>(exporter: E, signal: 'traces' | 'logs'): E => {
    const send = exporter.export.bind(exporter);
    exporter.export = (items, done) =>
      send(items, (result) => {
        onSent(signal, result.code === 0 ? null : (result.error ?? new Error('no answer')));
        done(result);
      });
    return exporter;
  };
  const spans = new TracerProvider({
    resource,
    spanProcessors: [
      new BatchSpanProcessor({ exporter: counted(new OTLPTraceExporter(EXPORTER), 'traces'), ...QUEUE }),
    ],
  });
  const logs = new LoggerProvider({
    resource,
    processors: [
      new BatchLogRecordProcessor({ exporter: counted(new OTLPLogExporter(EXPORTER), 'logs'), ...QUEUE }),
    ],
  });
  const otelSpans = new WeakMap<Span, OtelSpan>();
  const contextOf = (span: Span | null) => {
    const known = span && otelSpans.get(span);
    return known ? trace.setSpan(ROOT_CONTEXT, known) : ROOT_CONTEXT;
  };
  const otelTracer = spans.getTracer('fleetd', version);
  const logger = logs.getLogger('fleetd', version);
  return {
    tracer: {
      begin: (name, parent, at, attributes) => {
        const made = otelTracer.startSpan(
          name,
          { startTime: at, attributes: { ...attributes } },
          contextOf(parent),
        );
        const span = handleOf(made);
        otelSpans.set(span, made);
        return span;
      },
    },
    log: ({ seq, at, fleet, type, slots, reason }, span) =>
      logger.emit({
        timestamp: Date.parse(at),
        context: contextOf(span),
        eventName: `fleetd.${type}`,
        body: reason,
        ...severityOf(type),
        attributes: {
          'fleetd.seq': seq,
          'fleetd.event': type,
          ...(fleet !== null && { 'fleetd.fleet': fleet }),
          ...(slots !== null && { 'fleetd.slots': slots }),
        },
      }),
    close: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      });
      // What cannot be sent has been reported by onSent.
      await Promise.race([late, Promise.allSettled([spans.shutdown(), logs.shutdown()])]);
      clearTimeout(timer);
    },
  };
}

function handleOf(span: OtelSpan): Span {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    end: (at, problem, attributes = {}) => {
      span.setAttributes({ ...attributes });
      if (problem !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: problem });
      span.end(at);
    },
  };
}

function severityOf(type: string): { severityNumber: SeverityNumber; severityText: string } {
  return WARNINGS.has(type)
    ? { severityNumber: SeverityNumber.WARN, severityText: 'WARN' }
    : { severityNumber: SeverityNumber.INFO, severityText: 'INFO' };
}
