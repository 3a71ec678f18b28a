import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { askInspector } from '../../bench/inspector.ts';

const FLEETD = new URL('../../bin/fleetd', import.meta.url).pathname;

/** A supervisor whose heap can be asked for, at a loopback port that the kernel chooses. */
export class InspectedSupervisor {
  readonly #process: ChildProcess;
  readonly #url: string;

  private constructor(process: ChildProcess, url: string) {
    this.#process = process;
    this.#url = url;
  }

  /** Starts fleetd with this environment and Node's inspector. It ends by `fleetctl shutdown`, as any other. */
  static async start(env: Record<string, string>): Promise<InspectedSupervisor> {
    const supervisor = spawn(FLEETD, [], {
      env: { ...env, NODE_OPTIONS: '--inspect=127.0.0.1:0' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    for await (const line of createInterface(supervisor.stderr)) {
      const url = /ws:\S+/.exec(line)?.[0];
      if (url === undefined) continue;
      // What it says later goes nowhere, but must not fill the pipe.
      supervisor.stderr.resume();
      return new InspectedSupervisor(supervisor, url);
    }
    throw new Error(`fleetd ended with ${supervisor.exitCode} before its inspector listened`);
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** About how many bytes of JavaScript's heap are allocated while something is done, what is collected included. */
  async allocatedBytes(work: () => Promise<void>): Promise<number> {
    const socket = new WebSocket(this.#url);
    try {
      await once(socket, 'open');
      await askInspector(socket, 1, 'HeapProfiler.startSampling', {
        samplingInterval: 4_096,
        includeObjectsCollectedByMajorGC: true,
        includeObjectsCollectedByMinorGC: true,
      });
      await work();
      const { profile } = (await askInspector(socket, 2, 'HeapProfiler.stopSampling')) as {
        profile: { head: Allocations };
      };
      return bytesIn(profile.head);
    } finally {
      socket.close();
    }
  }

  /** Bytes on the heap that are in use after a collection (Chrome DevTools protocol, HeapProfiler and Runtime). */
  async heapBytes(): Promise<number> {
    const socket = new WebSocket(this.#url);
    try {
      await once(socket, 'open');
      // What only weak references and finalizers held goes with the second one.
      await askInspector(socket, 1, 'HeapProfiler.collectGarbage');
      await askInspector(socket, 2, 'HeapProfiler.collectGarbage');
      const { usedSize } = (await askInspector(socket, 3, 'Runtime.getHeapUsage')) as { usedSize: number };
      return usedSize;
    } finally {
      socket.close();
    }
  }
}

/** A function, with what it and those that it called have allocated. */
interface Allocations {
  selfSize: number;
  children: Allocations[];
}

function bytesIn({ selfSize, children }: Allocations): number {
  return children.reduce((sum, child) => sum + bytesIn(child), selfSize);
}
