import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

const FILE = '/proc/self/oom_score_adj';
/** Added to the thousandths of memory that a process uses: the kernel ends agents well before the rest of the system. */
const AGENT_SCORE = 500;

/** What this process was started with; it goes back to that, which needs no privilege (proc_pid_oom_score_adj(5)). */
const OWN = readOwn();

function readOwn(): number {
  try {
    return Number(readFileSync(FILE, 'latin1'));
  } catch {
    return 0;
  }
}

/**
 * Does work, within one turn of the loop, whose children are to die before the system when the host is out of memory:
 * they inherit this process's oom_score_adj. One that was started with a higher one passes that on. Where it cannot
 * be set, the work is done all the same.
 */
export function withAgentOomScore<T>(work: () => T): T {
  const fd = OWN < AGENT_SCORE ? open() : null;
  if (fd === null) return work();
  try {
    write(fd, AGENT_SCORE);
    return work();
  } finally {
    write(fd, OWN);
    closeSync(fd);
  }
}

/** Open before the work, so that the way back needs no descriptor that the work may have used up. */
function open(): number | null {
  try {
    return openSync(FILE, 'r+');
  } catch {
    return null;
  }
}

function write(fd: number, score: number): void {
  try {
    writeSync(fd, String(score), 0);
  } catch {
    // A sandbox that forbids it: agents then die as late as the supervisor.
  }
}
