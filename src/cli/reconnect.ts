import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError } from '../errors/fleet-error.ts';
import { isAway } from './client.ts';

export interface Patience {
  /** The maximum time that the supervisor may be away. */
  awayMsMax: number;
  /** The delay between two attempts. */
  pauseMs: number;
  signal?: AbortSignal;
  /** Called after each failed attempt. */
  onAway: (awayMs: number) => void;
}

/** The patience of the commands that watch: spawn exits 3 when the supervisor was away for 10 s. */
export const PATIENCE = { awayMsMax: 10_000, pauseMs: 250 } as const;

/**
 * Yields the items of a stream and opens it again whenever it breaks, until nothing has come for `awayMsMax`. `open`
 * gets the last item seen, to continue from there. A stream that ends counts as broken: a reader that has what it needs
 * stops reading.
 */
export async function* reconnecting<Item>(
  open: (last: Item | null) => AsyncIterable<Item>,
  { awayMsMax, pauseMs, signal, onAway }: Patience,
): AsyncGenerator<Item> {
  let last: Item | null = null;
  let awaySince: number | null = null;
  for (;;) {
    try {
      for await (const item of open(last)) {
        awaySince = null;
        last = item;
        yield item;
      }
    } catch (error) {
      if (!isAway(error)) throw error;
    }
    signal?.throwIfAborted();
    awaySince ??= performance.now();
    const awayMs = performance.now() - awaySince;
    if (awayMs >= awayMsMax) throw awayTooLong(awayMsMax);
    onAway(awayMs);
    await sleep(pauseMs, undefined, signal && { signal });
  }
}

function awayTooLong(awayMs: number): FleetError {
  return new FleetError(
    'SUPERVISOR_AWAY',
    `the supervisor has been away for ${Math.round(awayMs / 1000)} s`,
    {
      hint: 'Running agents keep running. fleetctl spawn starts a supervisor, which continues the work.',
    },
  );
}
