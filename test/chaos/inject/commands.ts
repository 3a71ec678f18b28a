import { type Arena, FLEET } from '../arena.ts';

/** What a command may have left: the target that it asked for, and the slots whose agents it may have replaced. */
export interface Wish {
  words: string[];
  target: number | null;
  touches: 'none' | 'all';
}

/** A fleet of its own that comes and goes, so that `remove --purge` has something to take away. */
const SIDE = 'side';

/** Chooses a command as a user or cron would give it. */
export function chooseCommand(arena: Arena, round: number): Wish {
  const briefly = ['--timeout', '2s'];
  const { target } = arena;
  const changes: (() => Wish)[] = [
    () => {
      const more = target + arena.number(1, 3);
      return wish(['spawn', String(more), '--fleet', FLEET, ...briefly], more);
    },
    () => wish(['kill', '1', '--fleet', FLEET, ...briefly], target - 1),
    () => ({ ...wish(['restart', '--slots', '0', '--fleet', FLEET, ...briefly]), touches: 'all' }),
    () => ({
      ...wish([
        'rolling-update',
        '-f',
        arena.writeSpec({ ROUND: String(round) }),
        '--wait',
        '0s',
        ...briefly,
      ]),
      touches: 'all',
    }),
    () => wish(['spawn', '1', '--name', SIDE, ...briefly, '--ready', 'after:1ms', '--', 'sleep', '100000']),
    () => wish(['remove', '--purge', '--fleet', SIDE]),
    () => wish([arena.choose(['hold', 'resume']), '--fleet', FLEET]),
    () => wish(['maintenance', arena.choose(['on', 'off'])]),
  ];
  const looks: (() => Wish)[] = [
    () => wish(['kill', '--all', '--fleet', SIDE, ...briefly]),
    () => wish(['logs', '0', '--fleet', FLEET]),
    () => wish(['events', '--fleet', FLEET]),
    () => wish(['ps', '--fleet', FLEET]),
    () => wish(['watchdog']),
  ];
  return arena.choose(arena.number(1, 4) === 1 ? looks : changes)();
}

function wish(words: string[], target: number | null = null): Wish {
  return { words, target, touches: 'none' };
}

/** Takes away what is left of the side fleet, so that the rounds and the end are about the one fleet. */
export async function removeSide(arena: Arena): Promise<void> {
  await arena.world.fleetctl('resume', '--fleet', SIDE);
  await arena.world.fleetctl('kill', '--all', '--fleet', SIDE);
  await arena.world.fleetctl('remove', '--purge', '--fleet', SIDE);
}
