import { get } from 'node:http';
import { connect } from 'node:net';
import type { Arena } from './arena.ts';
import { readAgents } from './kernel.ts';

const ANSWER_MS_MAX = 5_000;

/**
 * Judges an arena in which nothing more goes wrong: exactly the target, each agent answers for its slot on its own port
 * and socket, and whoever was not touched is the process that it was. What is amiss is noted as lost.
 */
export async function judgeRest(arena: Arena, touched: ReadonlySet<number>): Promise<void> {
  const unrest = await arena.settle();
  if (unrest !== null) return arena.lose(`not at rest: ${unrest}`);
  const agents = readAgents(arena);
  if (agents.size !== arena.target)
    arena.lose(`${agents.size} slots have processes, the target is ${arena.target}`);
  await Promise.all([...agents].map(([slot, pids]) => judgeAgent(arena, slot, pids)));
  for (const [slot, pid] of arena.pids) {
    const isKept = slot < arena.targetMin && !touched.has(slot);
    if (isKept && agents.get(slot)?.[0] !== pid)
      arena.lose(`slot ${slot} was not touched and has lost pid ${pid}`);
  }
  const strangers = arena.world.escaped();
  if (strangers.length > 0) arena.lose(`left over: processes ${strangers.join(', ')}`);
}

async function judgeAgent(arena: Arena, slot: number, pids: readonly number[]): Promise<void> {
  const expected = `${slot} ${pids.join(' ')}\n`;
  const answers = await Promise.all([askPort(arena.portOf(slot)), askSocket(arena.socketOf(slot))]);
  for (const answer of answers)
    if (answer !== expected)
      arena.lose(`slot ${slot} answers ${JSON.stringify(answer)}, not ${JSON.stringify(expected)}`);
}

function askPort(port: number): Promise<string> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, agent: false, timeout: ANSWER_MS_MAX }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    });
    request.on('timeout', () => request.destroy(new Error('silence')));
    request.on('error', (error) => resolve(`port ${port}: ${error.message}`));
  });
}

function askSocket(path: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(path).setEncoding('utf8').setTimeout(ANSWER_MS_MAX);
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('timeout', () => socket.destroy(new Error('silence')));
    socket.on('error', (error) => resolve(`${path}: ${error.message}`));
    socket.on('close', () => resolve(text));
  });
}
