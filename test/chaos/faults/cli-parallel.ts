import type { Fault } from '../fault.ts';
import { tellOf } from '../told.ts';

/** What looks only, and may be asked at any time. */
const LOOKS = [['status'], ['ps', '--json'], ['events'], ['status', '--json'], ['watchdog'], ['strays']];
/** Done, overtaken, degraded, stopped by a limit; never a usage error, or a supervisor that does not answer. */
const EXIT_CODES = [0, 1, 4, 5];

/** Runs commands all at once: several that change the target, and many that only look. */
export const cliParallel: Fault = {
  name: 'CLI: conflicting commands at once',
  inject: async (arena) => {
    await arena.revive();
    const targets = [1, 2, 3].map(() => Math.max(1, arena.size + arena.number(-8, 8)));
    const ended = await Promise.all([
      ...targets.map((target) => arena.world.fleetctl('spawn', String(target), '--timeout', '10s')),
      ...LOOKS.map((args) => arena.world.fleetctl(...args)),
    ]);
    const unknown = ended.filter(({ code }) => !EXIT_CODES.includes(code));
    if (unknown.length > 0) arena.lose(`exit ${unknown[0]!.code}: ${unknown[0]!.stderr}`);
    const { target } = await arena.world.fleet();
    if (![arena.target, ...targets].includes(target)) arena.lose(`target ${target} after spawn ${targets}`);
    for (const each of [...targets, target]) arena.adopt(each);
    return {
      slots: [],
      isTold: (events) =>
        tellOf(events, 'target', /spawn: target/) || tellOf(events, 'limit', /^command refused/),
    };
  },
};
