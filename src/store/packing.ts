import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { SLOT_MAX } from '../specification/slots.ts';

/** One look at the memory of a fleet: column by column, the same index for the same agent. */
export interface MemoryReading {
  /** When it was taken: milliseconds since the epoch. */
  at: number;
  slots: Uint32Array;
  rssBytes: Float64Array;
  /** When each agent was started, in milliseconds since the epoch: with its slot that names one run. */
  startedMs: Float64Array;
  /** Each agent's release, as an index into `releases`. */
  release: Uint16Array;
  releases: string[];
  /** Established connections of each agent; null where they were not counted. */
  connections: Uint32Array | null;
  /** Established connections of the fleet, by agents' ports or as somebody else counts them; null where unknown. */
  connectionsTotal: number | null;
  /** The fleet's proportional memory, estimated from a sample of its agents; null where none could be read. */
  pssBytes: number | null;
}

type Header = Pick<MemoryReading, 'at' | 'releases' | 'connectionsTotal' | 'pssBytes'> & {
  count: number;
  hasConnections: boolean;
};

/** A run's start is kept to the millisecond, and memory to the KiB, as the kernel tells it. */
const KIB = 1024;
/** What the columns take of each agent: start, slot, memory, release; and its connections, where they were counted. */
const BYTES_PER_AGENT = 8 + 4 + 4 + 2;
const CONNECTIONS_BYTES = 4;
/** More agents than there are slots are in no sample: what would become so large is damaged. */
const SLOT_COUNT_MAX = SLOT_MAX + 1;
/** Fast rather than small: a pass over 10,000 agents takes 2 ms. */
const LEVEL = 1;

/** A pass as the store keeps it. */
export interface StoredPass {
  header: string;
  columns: Uint8Array;
}

/** Packs a pass: some 5 bytes an agent. */
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

/** The reverse of packPass. @throws where the bytes are no pass */
export function unpackReading({ header, columns }: StoredPass): MemoryReading {
  const { at, releases, connectionsTotal, pssBytes, count, hasConnections } = JSON.parse(header) as Header;
  const bytesPerAgent = BYTES_PER_AGENT + (hasConnections ? CONNECTIONS_BYTES : 0);
  const bytes = inflateRawSync(columns, { maxOutputLength: bytesPerAgent * SLOT_COUNT_MAX });
  if (bytes.length !== count * bytesPerAgent) throw new Error(`${bytes.length} bytes are no ${count} agents`);
  let offset = 0;
  // A copy of its own: the parts of what zlib gives need not be aligned.
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
