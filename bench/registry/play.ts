import { setTimeout as sleep } from 'node:timers/promises';
import { idealSeconds, type Scene, type Way } from './scenes.ts';
import { type PaceSample, Stand, type Wait } from './stand.ts';

/** Who takes so many times as long as could be is given up. */
const PATIENCE = 4;
/** An agent that has been ready for so long and then ends is no failed start (SETTLE_MS), and some more. */
const SETTLE_MS = 11_000;
const DOWN_MS = 2_000;
/** Limits that are compared, as shares of the time: what was before is the way there, what follows the last starts. */
const STEADY = { from: 0.6, to: 0.9 };

/** What came of a scene. */
export interface Outcome {
  scene: string;
  story: string;
  way: string;
  agents: number;
  idealSeconds: number;
  /** Null where it was given up. */
  seconds: number | null;
  ready: number;
  /** Starts that came to nothing. */
  failed: number;
  holds: number;
  /** Standard deviation of the limit over its mean, once it has found its way; null for fixed rounds. */
  variation: number | null;
  pace: PaceSample[];
}

/** What plays need. */
export interface Place {
  /** The path of the agents' binary. */
  agent: string;
  /** The registry's port; the agents' follow. */
  portBase: number;
}

const standing = new Set<Stand>();

/** Ends what a play has started that was broken off. */
export async function breakOff(): Promise<void> {
  await Promise.all([...standing].map((stand) => stand.close()));
}

/** Plays a scene with a fleet that is paced one way. */
export async function play(scene: Scene, way: Way, { agent, portBase }: Place): Promise<Outcome> {
  const stand = new Stand(scene, portBase);
  standing.add(stand);
  try {
    await stand.prepare(way, agent);
    const { wait, lost } = await STORIES[scene.story](scene, stand);
    // An outage is no time that anybody could have used.
    const outageSeconds = scene.story === 'registry restarts midway' ? DOWN_MS / 1_000 : 0;
    return {
      scene: scene.name,
      story: scene.story,
      way: way.name,
      agents: scene.agents,
      idealSeconds: idealSeconds(scene),
      seconds: wait.seconds === null ? null : wait.seconds - outageSeconds,
      ready: wait.ready,
      failed: (await stand.restarts()) - lost,
      holds: wait.holds,
      variation: variationOf(wait.pace),
      pace: wait.pace,
    };
  } finally {
    standing.delete(stand);
    await stand.close();
  }
}

interface Played {
  wait: Wait;
  /** Agents that were up and ended: their next starts are no failures. */
  lost: number;
}

const STORIES: Record<Scene['story'], (scene: Scene, stand: Stand) => Promise<Played>> = {
  start: async (scene, stand) => ({ wait: await start(scene, stand), lost: 0 }),
  crash: async (scene, stand) => {
    await start(scene, stand);
    await sleep(SETTLE_MS);
    const begunMs = performance.now();
    await stand.crash();
    return { wait: await untilAll(scene, stand, begunMs), lost: scene.agents };
  },
  'registry restarts': async (scene, stand) => {
    await start(scene, stand);
    await sleep(SETTLE_MS);
    await stand.restartRegistry(DOWN_MS);
    return { wait: await untilAll(scene, stand, performance.now()), lost: scene.agents };
  },
  // The half that was up comes back and the other half starts, from the moment when the registry goes away.
  'registry restarts midway': async (scene, stand) => {
    const begunMs = performance.now();
    await stand.spawn();
    await stand.untilReady(scene.agents / 2, begunMs, PATIENCE * idealSeconds(scene));
    const lost = stand.registry.members;
    const lostMs = performance.now();
    await stand.restartRegistry(DOWN_MS);
    return { wait: await untilAll(scene, stand, lostMs), lost };
  },
};

async function start(scene: Scene, stand: Stand): Promise<Wait> {
  const begunMs = performance.now();
  await stand.spawn();
  return untilAll(scene, stand, begunMs);
}

function untilAll(scene: Scene, stand: Stand, begunMs: number): Promise<Wait> {
  return stand.untilReady(scene.agents, begunMs, PATIENCE * idealSeconds(scene));
}

function variationOf(pace: readonly PaceSample[]): number | null {
  const lastMs = pace.at(-1)?.atMs ?? 0;
  const limits = pace
    .filter(({ atMs }) => atMs >= STEADY.from * lastMs && atMs <= STEADY.to * lastMs)
    .map(({ limit }) => limit);
  if (limits.length < 2) return null;
  const mean = limits.reduce((sum, limit) => sum + limit, 0) / limits.length;
  const variance = limits.reduce((sum, limit) => sum + (limit - mean) ** 2, 0) / limits.length;
  return Math.sqrt(variance) / mean;
}
