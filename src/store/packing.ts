import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { SLOT_MAX } from '../specification/slots.ts';

/** The readings of one pass over a fleet, in columns: the same index is the same agent. */
export interface MemoryReading {
  /** When it was taken: milliseconds since the epoch. */
  at: number;
  slots: Uint32Array;
  rssBytes: Float64Array;
  /** The start time of each agent, in milliseconds since the epoch; with the slot, it identifies a run. */
  startedMs: Float64Array;
  /** Each agent's release, as an index into `releases`. */
  release: Uint16Array;
  releases: string[];
  /** Established connections of each agent; null if they were not counted. */
  connections: Uint32Array | null;
  /** Established connections of the fleet, counted by the agents' ports or externally; null if unknown. */
  connectionsTotal: number | null;
  /** The fleet's PSS, estimated from some of its agents; null if none could be read. */
  pssBytes: number | null;
}

type Header = Pick<MemoryReading, 'at' | 'releases' | 'connectionsTotal' | 'pssBytes'> & {
  count: number;
  hasConnections: boolean;
};

/** Memory is kept in KiB, the unit of the kernel. */
const KIB = 1024;
/** The size of an agent in the columns: start, slot, memory, release; plus its connections, if they were counted. */
const BYTES_PER_AGENT = 8 + 4 + 4 + 2;
const CONNECTIONS_BYTES = 4;
/** No pass has more agents than there are slots; anything larger is damaged. */
const SLOT_COUNT_MAX = SLOT_MAX + 1;
/** Prefers speed to size: a pass over 10,000 agents takes 2 ms. */
const LEVEL = 1;

/** A packed pass. */
export interface StoredPass {
  header: string;
  columns: Uint8Array;
}

/** Packs a pass, to about 5 bytes per agent. */
export function packReading(pass: MemoryReading): StoredPass {
  const { at, releases, connectionsTotal, pssBytes, slots, connections } = pass;
  const header: Header = {
    at,
    releases,
    connectionsTotal,
    pssBytes,
    count: slots.length,
    hasConnections: connections !== null,
  };
  const columns = [
    pass.startedMs,
    slots,
    Uint32Array.from(pass.rssBytes, (bytes) => bytes / KIB),
    ...(connections ? [connections] : []),
    pass.release,
  ].map((column) => Buffer.from(column.buffer, column.byteOffset, column.byteLength));
  return {
    header: JSON.stringify(header),
    columns: deflateRawSync(Buffer.concat(columns), { level: LEVEL }),
  };
}

/** The reverse of packReading. @throws if the bytes are not a pass */
export function unpackReading({ header, columns }: StoredPass): MemoryReading {
  const { at, releases, connectionsTotal, pssBytes, count, hasConnections } = JSON.parse(header) as Header;
  const bytesPerAgent = BYTES_PER_AGENT + (hasConnections ? CONNECTIONS_BYTES : 0);
  const bytes = inflateRawSync(columns, { maxOutputLength: bytesPerAgent * SLOT_COUNT_MAX });
  if (bytes.length !== count * bytesPerAgent) throw new Error(`${bytes.length} bytes are no ${count} agents`);
  let offset = 0;
  // Copied, because the columns in zlib's output may not be aligned.
  const take = (size: number): ArrayBuffer => {
    const part = new Uint8Array(bytes.subarray(offset, offset + count * size));
    offset += count * size;
    return part.buffer;
  };
  const startedMs = new Float64Array(take(8));
  const slots = new Uint32Array(take(4));
  const rssBytes = Float64Array.from(new Uint32Array(take(4)), (kibibytes) => kibibytes * KIB);
  const connections = hasConnections ? new Uint32Array(take(4)) : null;
  const release = new Uint16Array(take(2));
  return { at, slots, rssBytes, startedMs, release, releases, connections, connectionsTotal, pssBytes };
}
