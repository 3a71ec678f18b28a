import { GOAL } from './domain.ts';
import { integer, list, meaning, named, type Of, text } from './shape.ts';

export const ACCEPTED = named(
  'Accepted',
  {
    fleet: text(),
    target: integer(),
    notes: list(
      text(),
      'What the user should know: fields that nothing acts on yet, files that were not read …',
    ),
    goal: meaning(GOAL, 'What to give the operation `watch` in order to follow the work.'),
  },
  'What a command answers once it is durable. The work follows.',
);
export type Accepted = Of<typeof ACCEPTED>;
