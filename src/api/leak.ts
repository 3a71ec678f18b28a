import { integer, list, named, nullable, number, type Of, text, time, words } from './shape.ts';

export const LEAK_STATUS = named(
  'LeakStatus',
  {
    verdict: words(['none', 'suspect', 'leak']),
    bytesPerHour: number('Growth of the whole fleet.'),
    since: nullable(time(), 'Null if there is no suspicion.'),
    cohort: nullable(text(), 'The release that leaks, if it is only one; null otherwise.'),
    agents: list(integer(), 'The slots that account for the growth, and those above the limit.'),
    exhaustsAt: nullable(
      time(),
      'When the memory of the host runs out at this rate; null if that is far off.',
    ),
    words: text('The verdict as a sentence.'),
  },
  'Whether the memory of a fleet leaks, judged by `leak.growth` and `leak.agentLimit`.',
);
export type LeakStatus = Of<typeof LEAK_STATUS>;
