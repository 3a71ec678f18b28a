import { GOAL } from './domain.ts';
import { integer, list, meaning, named, type Of, text } from './shape.ts';

export const ACCEPTED = named(
  'Accepted',
  {
    fleet: text(),
    target: integer(),
    notes: list(text(), 'What the user should know, such as files that were not read.'),
    goal: meaning(GOAL, 'Pass it to the operation `watch` to follow the work.'),
  },
  'The answer to a command, once it is durable. The work follows.',
);
export type Accepted = Of<typeof ACCEPTED>;
