import type { ReadProblem } from '../sys/read-problem.ts';
import { type ReadRequest, readOthers } from './others.ts';
import type { ReadAnswer } from './reader.ts';

// The process that a Reader asks: a read that hangs here blocks nothing else.

function answer(ask: ReadRequest): ReadAnswer {
  try {
    return { value: readOthers(ask) };
  } catch (error) {
    const { code = 'EIO', message } = error as ReadProblem;
    return { code, message };
  }
}

// Each answer is sent before the next read starts, because that may hang.
process.on('message', (asks: ReadRequest[]) => {
  for (const ask of asks) process.send!(answer(ask));
});
// The supervisor is gone.
process.on('disconnect', () => process.exit());
// From here on, time is spent only on reads.
process.send!('ready');
