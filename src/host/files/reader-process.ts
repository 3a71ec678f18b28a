import type { ReadProblem } from '../sys/read-problem.ts';
import { type ReadRequest, readOthers } from './others.ts';
import type { ReadAnswer } from './reader.ts';

// The process that a Reader asks: what hangs here hangs nobody else.

function answer(ask: ReadRequest): ReadAnswer {
  try {
    return { value: readOthers(ask) };
  } catch (error) {
    const { code = 'EIO', message } = error as ReadProblem;
    return { code, message };
  }
}

// Each answer leaves before the next is looked for, which may hang.
process.on('message', (asks: ReadRequest[]) => {
  for (const ask of asks) process.send!(answer(ask));
});
// Whoever asked is gone.
process.on('disconnect', () => process.exit());
// From here on what takes long is what is read.
process.send!('ready');
