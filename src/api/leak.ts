import { integer, list, named, nullable, number, type Of, text, time, words } from './shape.ts';

export const LEAK_STATUS = named(
  'LeakStatus',
  {
    verdict: words(['none', 'suspect', 'leak']),
    bytesPerHour: number('Growth of the whole fleet.'),
    since: nullable(time(), 'Null where nothing is suspected.'),
    cohort: nullable(text(), 'The release that alone leaks; null where it is the fleet, or single agents.'),
    agents: list(integer(), 'Slots whose own growth carries it, and those above the limit.'),
    exhaustsAt: nullable(
      time(),
      'When the host’s memory is used up at this rate; null where that is not within sight.',
    ),
    words: text('All of it in a sentence.'),
  },
  'Whether a fleet’s memory leaks, as `leak.growth` and `leak.agentLimit` judge it.',
);
export type LeakStatus = Of<typeof LEAK_STATUS>;
