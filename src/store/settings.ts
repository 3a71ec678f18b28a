/** What is wanted of the supervisor itself. */
export interface Settings {
  /** Alarms rest until then (ISO 8601), or until they are turned on again (null); absent: they do not rest. */
  maintenance?: { until: string | null };
  /** Where metrics are served beside the API socket; absent: nowhere. */
  metricsPort?: number;
  /** Where the web page is served, and the token that it asks for; absent: nowhere. Secret. */
  dashboard?: { port: number; token: string };
}
