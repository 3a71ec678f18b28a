import type { Fault } from '../fault.ts';
import { agentsKilled } from './agents-killed.ts';
import { agentsStopped } from './agents-stopped.ts';
import { apiRubbish } from './api-rubbish.ts';
import { apiSocketDeleted } from './api-socket-deleted.ts';
import { cliParallel } from './cli-parallel.ts';
import { directoriesDeleted } from './directories-deleted.ts';
import { diskFull } from './disk-full.ts';
import { guardsKilled } from './guards-killed.ts';
import { memoryTaken } from './memory-taken.ts';
import { pidsTaken } from './pids-taken.ts';
import { portTaken } from './port-taken.ts';
import { reloaded } from './reloaded.ts';
import { socketTaken } from './socket-taken.ts';
import { storeCorrupted } from './store-corrupted.ts';
import { storeCorruptedLive } from './store-corrupted-live.ts';
import { storeDeleted } from './store-deleted.ts';
import { supervisorKilled } from './supervisor-killed.ts';
import { supervisorStopped } from './supervisor-stopped.ts';

/** Everything that is done to a fleet. */
export const FAULTS: readonly Fault[] = [
  supervisorKilled,
  supervisorStopped,
  memoryTaken,
  agentsKilled,
  agentsStopped,
  guardsKilled,
  portTaken,
  socketTaken,
  pidsTaken,
  diskFull,
  directoriesDeleted,
  apiSocketDeleted,
  storeCorrupted,
  storeCorruptedLive,
  storeDeleted,
  apiRubbish,
  cliParallel,
  reloaded,
];
