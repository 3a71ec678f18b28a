import { JOURNAL_STREAMS_MAX } from '../../doctor/limits/storage.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { runOf } from '../../fleet/agent.ts';
import type { Files, Host, Users } from '../../host/host.ts';
import { type Protocol, rangeOf } from '../../host/proc/port-table.ts';
import { checkSocketPath, type Paths, portOf } from '../../specification/paths.ts';
import { checkPorts } from '../../specification/ports.ts';
import type { Ports, Spec } from '../../specification/spec.ts';
import { userOf } from '../fleet/attributes.ts';
import { AGENT_PATH, accountFor } from '../fleet/launch.ts';
import type { FleetRunner } from '../fleet/runner.ts';

/** A proposed fleet, before anything is written or started. */
export interface Proposal {
  spec: Spec;
  baseDir: string;
  /** All slots that would be wanted. */
  slots: ReadonlySet<number>;
  /** Slots whose ports need not be free, because strays that will be adopted into them hold these. */
  served?: ReadonlySet<number>;
}

/** What a proposal must leave to another fleet; one that is proposed at the same time counts as it would be. */
export interface OtherFleet {
  readonly name: string;
  readonly fleet: {
    readonly spec: Spec;
    readonly target: number;
    /** The slots that own ports. */
    readonly slots: { keys(): Iterable<number> };
  };
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
  checkPorts(spec, slots);
  if (highest >= 0) checkSocketPath(paths.agentSocket(spec.name, highest));
  checkUser(spec, highest, host.processes.users);
  checkHelpers(spec, baseDir, host.files);
  checkLogs(spec, slots.size, others, host);
  if (spec.ports) {
    checkOtherFleets(spec.name, spec.ports, slots, others);
    checkPortsFree(spec, spec.ports, slots.difference(served), host, fleets.get(spec.name));
  }
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

function checkHelpers({ prepare, ready, alerts, env }: Spec, baseDir: string, files: Files): void {
  const path = env.PATH ?? AGENT_PATH;
  if (prepare) files.findExecutable(prepare[0]!, baseDir, path, 'prepare[0]');
  if (ready.kind === 'exec') files.findExecutable(ready.argv[0]!, baseDir, path, 'ready.exec[0]');
  // A missing one would be noticed only when it is needed. It runs as the supervisor's user, not among the agents.
  if (alerts?.exec) files.findExecutable(alerts.exec[0]!, baseDir, AGENT_PATH, 'alerts.exec[0]');
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

/** Ports of other fleets' slots, by protocol. A fleet at target 0 claims none. */
function checkOtherFleets(
  name: string,
  ports: Ports,
  slots: ReadonlySet<number>,
  fleets: ReadonlyMap<string, OtherFleet>,
): void {
  for (const other of fleets.values()) {
    const theirs = other.fleet.spec.ports;
    if (other.name === name || !theirs || !overlap(ports, theirs)) continue;
    const owners = new Map(
      [...other.fleet.slots.keys()].flatMap((slot) => portsOf(theirs, slot).map((port) => [port, slot])),
    );
    for (const slot of slots) {
      const port = portsOf(ports, slot).find((candidate) => owners.has(candidate));
      if (port !== undefined) {
        throw new FleetError(
          'PORT_TAKEN',
          `slot ${slot} needs port ${port}, which belongs to slot ${owners.get(port)} of fleet ${other.name}`,
          {
            hint: 'Change ports.base of one of the fleets.',
          },
        );
      }
    }
  }
}

const overlap = (a: Ports, b: Ports): boolean =>
  a.protocol === null || b.protocol === null || a.protocol === b.protocol;

/** Checks that no other process serves the ports; a running slot holds its own. */
function checkPortsFree(
  { name }: Spec,
  ports: Ports,
  slots: ReadonlySet<number>,
  host: Host,
  own: FleetRunner | undefined,
): void {
  const protocols: Protocol[] = ports.protocol ? [ports.protocol] : ['tcp', 'udp'];
  const range = rangeOf([...slots].flatMap((slot) => portsOf(ports, slot)));
  for (const protocol of protocols) {
    const table = host.sockets.readPorts(protocol, range);
    const taken = [...slots].flatMap((slot) => {
      const agent = own?.fleet.slots.get(slot)?.agent;
      if (agent && (runOf(agent) || agent.state === 'clearing')) return [];
      const port = portsOf(ports, slot).find((candidate) => table.inodes(candidate).length > 0);
      return port === undefined ? [] : [{ slot, port }];
    });
    const [first] = taken;
    if (!first) continue;
    const holder =
      host.sockets.holderOf(table.inodes(first.port)) ?? 'a process of another user or namespace';
    const more =
      taken.length > 1 ? `; the ports of ${taken.length - 1} more slots of ${name} are in use as well` : '';
    throw new FleetError(
      'PORT_TAKEN',
      `slot ${first.slot} needs ${protocol} port ${first.port}, held by ${holder}${more}`,
    );
  }
}

function portsOf(ports: Ports, slot: number): number[] {
  const first = portOf(ports, slot)!;
  return Array.from({ length: ports.perAgent }, (_, i) => first + i);
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
