/** The settings of the supervisor itself. */
export interface Settings {
  /** Alarms are silenced until then (ISO 8601), or until they are turned on again (null); absent: they are not. */
  maintenance?: { until: string | null };
  /** The loopback port of the metrics; absent: not served. */
  metricsPort?: number;
  /** The port of the web page, and its token; absent: not served. Secret. */
  dashboard?: { port: number; token: string };
}
