/** The variable that holds a place's directory for all that is started there: by it the place's processes are found. */
export const MARK = 'FLEET_BENCH';

/** Where one contestant runs: a directory, ports and a mark of its own. */
export interface Place {
  /** Made for it alone; everything it writes is below it, and goes with it. */
  directory: string;
  agents: number;
  /** Agent i listens at 127.0.0.1, port portBase + i. */
  portBase: number;
  /** The daemon's binary. */
  busybox: string;
  /** How long a single step may take. */
  timeoutMs: number;
}

/** The arguments of the agent at a port: a real daemon that serves an empty directory, in the foreground. */
export function agentArgs(port: number | string): string[] {
  return ['httpd', '-f', '-p', `127.0.0.1:${port}`];
}

/** All ports of a place, lowest first. */
export function portsOf({ portBase, agents }: Place): number[] {
  return Array.from({ length: agents }, (_, i) => portBase + i);
}
