import { resolve } from 'node:path';
import { JOURNAL_STREAMS_MAX } from '../../doctor/limits/storage.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import type { Files, Host, Users } from '../../host/host.ts';
import { commandsOf } from '../../specification/commands.ts';
import { checkSocketPath, type Paths } from '../../specification/paths.ts';
import { literal } from '../../specification/placeholders.ts';
import { checkPlaces } from '../../specification/ports.ts';
import type { Spec } from '../../specification/spec.ts';
import { userOf } from '../fleet/attributes.ts';
import { AGENT_PATH, accountFor } from '../fleet/launch.ts';
import type { FleetRunner } from '../fleet/runner.ts';
import { checkAddresses, checkOtherFleets, checkPlacesFree, type OtherFleet } from './places.ts';

/** A proposed fleet, before anything is written or started. */
export interface Proposal {
  spec: Spec;
  baseDir: string;
  /** All slots that would be wanted. */
  slots: ReadonlySet<number>;
  /** Slots whose ports need not be free, because strays that will be adopted into them hold these. */
  served?: ReadonlySet<number>;
}

/**
 * Checks everything about a proposed fleet that can be known before the first start.
 * @param others the fleets that the proposal must fit in with
 * @throws FleetError with what prevents it and what to do
 */
export function preflight(
  { spec, baseDir, slots, served = new Set() }: Proposal,
  host: Host,
  paths: Paths,
  fleets: ReadonlyMap<string, FleetRunner>,
  others: ReadonlyMap<string, OtherFleet> = fleets,
): void {
  const highest = highestOf(slots);
  checkPlaces(spec, slots);
  if (highest >= 0) checkSocketPath(paths.agentSocket(spec.name, highest));
  checkUser(spec, highest, host.processes.users);
  checkHelpers(spec, baseDir, host.files);
  checkDirectory(spec, baseDir, host.files);
  checkLogs(spec, slots.size, others, host);
  checkAddresses(spec, slots, host.sockets);
  checkOtherFleets(spec, slots, others);
  checkPlacesFree(spec, slots.difference(served), host.sockets, fleets.get(spec.name)?.fleet);
}

/** The highest of some slots; -1 if there is none. */
export function highestOf(slots: ReadonlySet<number>): number {
  // Not Math.max(...slots): a call takes at most some 100,000 arguments.
  let highest = -1;
  for (const slot of slots) highest = Math.max(highest, slot);
  return highest;
}

function checkUser({ user, process }: Spec, highest: number, users: Users): void {
  userOf(users, accountFor(users, user, 0), process);
  // The kernel takes uid −1 as "no change", and 2³² − 1 is that.
  if (user && 'base' in user && user.base + Math.max(highest, 0) > 2 ** 32 - 2) {
    throw new FleetError(
      'SPEC_INVALID',
      `user.base: slot ${highest} would run as uid ${user.base + highest}, above the maximum, ${2 ** 32 - 2}`,
    );
  }
}

function checkHelpers(spec: Spec, baseDir: string, files: Files): void {
  const path = spec.env.PATH ?? AGENT_PATH;
  for (const { where, argv } of commandsOf(spec))
    files.findExecutable(argv[0]!, baseDir, path, `${where}[0]`);
  if (spec.alerts?.exec) files.findExecutable(spec.alerts.exec[0]!, baseDir, AGENT_PATH, 'alerts.exec[0]');
}

/** One with placeholders, as the default has them, is there or not slot by slot. */
function checkDirectory({ cwd }: Spec, baseDir: string, files: Files): void {
  const written = literal(cwd);
  const directory = written === null ? null : resolve(baseDir, written);
  if (directory === null || files.isDirectory(directory)) return;
  throw new FleetError('SPEC_INVALID', `cwd: there is no directory ${directory}`, {
    hint: 'Make it, or name another one; a relative path starts at the directory of the spec.',
  });
}

function checkLogs(spec: Spec, count: number, fleets: ReadonlyMap<string, OtherFleet>, host: Host): void {
  if (spec.logs.to !== 'journal') return;
  const others = sum(fleets, ({ fleet }) => (fleet.spec.logs.to === 'journal' ? fleet.target : 0), spec.name);
  if (others + count > JOURNAL_STREAMS_MAX) {
    throw new FleetError(
      'LIMIT_REACHED',
      `logs.to: journal: ${others + count} agents need one stream each, but journald accepts ${JOURNAL_STREAMS_MAX}`,
      { hint: 'Use logs: { to: file }.' },
    );
  }
  if (!host.sockets.journalIsThere())
    throw new FleetError('SPEC_INVALID', 'logs.to: journal: there is no journald on this host', {
      hint: 'Use logs: { to: file }.',
    });
}

function sum(
  fleets: ReadonlyMap<string, OtherFleet>,
  of: (other: OtherFleet) => number,
  except: string,
): number {
  let total = 0;
  for (const other of fleets.values()) if (other.name !== except) total += of(other);
  return total;
}
