import { setTimeout as sleep } from 'node:timers/promises';
import { FleetError } from '../errors.ts';
import { isAway } from './client.ts';

export interface Patience {
  /** How long the supervisor may be away. */
  awayMsMax: number;
  /** The pause between two attempts. */
  pauseMs: number;
  signal?: AbortSignal;
  /** Called when an attempt failed. */
  onAway: (awayMs: number) => void;
}

/** What a watcher allows, as promised in the contract. */
export const PATIENCE = { awayMsMax: 10_000, pauseMs: 250 } as const;

/**
 * The items of a stream that is opened again whenever it breaks, until nothing came for `awayMsMax`. `open` gets
 * the last item seen, to go on from there. A stream that merely ends broke too: whoever has what it came for
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
    if (awayMs >= awayMsMax) throw awayForGood(awayMsMax);
    onAway(awayMs);
    await sleep(pauseMs, undefined, signal && { signal });
  }
}

function awayForGood(awayMs: number): FleetError {
  return new FleetError(
    'SUPERVISOR_AWAY',
    `The supervisor has been away for ${Math.round(awayMs / 1000)} s.`,
    {
      hint: 'Running agents run on. fleetctl spawn starts a supervisor, which takes up the work where it stopped.',
    },
  );
}
