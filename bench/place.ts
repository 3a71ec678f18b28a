/** The variable that holds a place's directory for all that is started there: by it the place's processes are found. */
export const MARK = 'FLEET_BENCH';

/** Where one contestant runs: a directory, ports and a mark of its own. */
export interface Place {
  /** Made for it alone, in memory as /run is, and goes with it: service directories, sockets, whatever needs no disk. */
  directory: string;
  /** Made for it alone, on disk: what is to survive. It goes when the bench ends. */
  disk: string;
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
