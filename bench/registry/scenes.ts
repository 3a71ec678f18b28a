import type { Ability } from './registry.ts';

/** What happens in a scene: the fleet starts; or it has started, and then … */
export type Story = 'start' | 'crash' | 'registry restarts' | 'registry restarts midway';

/** A registry, and what happens to it or to the fleet. */
export interface Scene {
  name: string;
  agents: number;
  ability: Ability;
  story: Story;
}

/** How a fleet's spec paces it. */
export interface Way {
  name: string;
  spec: object;
  stories: readonly Story[];
}

/** The registry refuses what would wait behind so many. */
const QUEUE_MAX = 200;
/** A fleet takes so long at best. */
const IDEAL_S = { normal: 12, quick: 5 };

const STORIES: readonly Story[] = ['start', 'crash', 'registry restarts', 'registry restarts midway'];

/** Storms are off for the fixed ones: a hold would only stop them. */
export const WAYS: readonly Way[] = [
  {
    name: '15 every 3 s',
    spec: { rounds: { parallel: 15, delay: '3s' }, restart: { storm: 'off' } },
    stories: ['start'],
  },
  {
    name: '50, no delay',
    spec: { rounds: { parallel: 50, delay: '0s' }, restart: { storm: 'off' } },
    stories: ['start'],
  },
  { name: 'adaptive', spec: { rounds: { adaptive: true } }, stories: STORIES },
];

/** The scenes of a bench; the quick ones are smaller. */
export function scenesOf(isQuick: boolean): Scene[] {
  const seconds = isQuick ? IDEAL_S.quick : IDEAL_S.normal;
  const steady = (capacity: number, story: Story = 'start'): Scene => ({
    name: `${capacity} a second`,
    agents: capacity * seconds,
    ability: { capacityAt: () => capacity, queueMax: QUEUE_MAX },
    story,
  });
  const halving: Scene = {
    name: '200 a second, half of it midway',
    agents: 150 * seconds,
    ability: {
      capacityAt: (elapsedMs) => (elapsedMs < 500 * seconds ? 200 : 100),
      queueMax: QUEUE_MAX,
    },
    story: 'start',
  };
  return [
    steady(5),
    steady(50),
    steady(500),
    halving,
    steady(200, 'crash'),
    steady(200, 'registry restarts'),
    steady(200, 'registry restarts midway'),
  ];
}

/** How long a fleet of so many takes if its registry never rests, in seconds. */
export function idealSeconds({ agents, ability }: Pick<Scene, 'agents' | 'ability'>): number {
  let elapsedMs = 0;
  for (let served = 0; served < agents; elapsedMs++) served += ability.capacityAt(elapsedMs) / 1_000;
  return elapsedMs / 1_000;
}
