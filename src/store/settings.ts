/** The settings of the supervisor itself. */
export interface Settings {
  /** Until when alarms are silenced (ISO 8601), or until they are turned on again (null); absent: they are on. */
  maintenance?: { until: string | null };
  /** The loopback port of the metrics; absent: none. */
  metricsPort?: number;
  /** The loopback port of the dashboard, and its token, which is secret; absent: none. */
  dashboard?: { port: number; token: string };
}
