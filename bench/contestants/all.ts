import type { Place } from '../place.ts';
import type { Contestant } from './contestant.ts';
import { ColdFleetd, Fleetd } from './fleetd.ts';
import { Loop } from './loop.ts';
import { Pm2 } from './pm2.ts';
import { Runit } from './runit.ts';
import { S6 } from './s6.ts';
import { Shell } from './shell.ts';
import { Supervisord } from './supervisord.ts';
import { Systemd } from './systemd.ts';

/** Everything that takes part, by the word for --only; the limit first, since the others are held against it. */
export const CONTESTANTS = {
  loop: Loop,
  cold: ColdFleetd,
  fleetd: Fleetd,
  s6: S6,
  runit: Runit,
  supervisord: Supervisord,
  pm2: Pm2,
  systemd: Systemd,
  shell: Shell,
} satisfies Record<string, new (place: Place) => Contestant>;

export type ContestantKey = keyof typeof CONTESTANTS;

/** Those that run at sizes which take the peers too long. */
export const OURS: readonly ContestantKey[] = ['loop', 'fleetd', 'cold'];
