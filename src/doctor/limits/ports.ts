import { addressProblem, localCommand, slotsIn } from '../../specification/addresses.ts';
import { formatPlace, placesOf } from '../../specification/places.ts';
import { PORT_MAX, portProblem } from '../../specification/ports.ts';
import type { Ports } from '../../specification/spec.ts';
import { formatCount } from '../../specification/units.ts';
import type { Demand } from '../demand.ts';
import { sysctlNumbers } from '../facts.ts';
import { type Finding, type Judge, remark, sysctlFix, sysctlSource } from '../finding.ts';
import { countShared, formatPorts, type PortRange, parsePorts, portsOfSlots } from '../ports.ts';

/** The minimum for outgoing connections, each of which occupies its port for a minute after its end. */
const EPHEMERAL_MIN = 1_024;

/** Whether every slot's ports exist. */
export const portRange: Judge = ({ ports, agents }) => {
  if (ports === null || ports.same) return [];
  const problem = agents > 0 ? portProblem(ports, agents - 1) : null;
  return [
    {
      limit: 'ports',
      verdict: problem === null ? 'ok' : 'fail',
      needed: ports.base + agents * ports.perAgent - 1,
      have: PORT_MAX,
      source: 'ports of the spec',
      why:
        (problem && `${problem}.`) ??
        `Each slot owns ${ports.perAgent === 1 ? 'one port' : `${ports.perAgent} ports`}, counted from ${ports.base}.`,
      fix: problem === null ? null : 'lower ports.base, ports.perAgent or the target',
      agentsMax: Math.max(0, Math.floor((PORT_MAX + 1 - ports.base) / ports.perAgent)),
    },
  ];
};

/** Whether every slot has an address in the block. */
export const addressRange: Judge = ({ addresses, agents }) => {
  if (addresses === null) return [];
  const problem = agents > 0 ? addressProblem(addresses, agents - 1) : null;
  return [
    {
      limit: 'addresses',
      verdict: problem === null ? 'ok' : 'fail',
      needed: agents,
      have: slotsIn(addresses),
      source: 'addresses of the spec',
      why: (problem && `${problem}.`) ?? `Each slot owns one address, counted from ${addresses.base}.`,
      fix: problem === null ? null : 'choose a larger block, or lower the target',
      agentsMax: slotsIn(addresses),
    },
  ];
};

/** Whether this host has the slots' addresses. */
export const addressesHere: Judge = ({ addresses }, { survey }) => {
  if (addresses === null || survey === null) return [];
  const [first, ...others] = survey.missingAddresses;
  return [
    remark(first === undefined ? 'ok' : 'fail', {
      limit: 'addresses of this host',
      needed: addresses.base,
      have:
        first === undefined
          ? 'all of them'
          : `not ${first}${others.length > 0 ? `, nor ${others.length} more` : ''}`,
      source: 'bind(2)',
      why:
        first === undefined
          ? 'Agents can listen on the addresses of their slots.'
          : 'No agent can listen on an address that this host does not have.',
      fix: first === undefined ? null : `${localCommand(addresses)}, now and at every boot`,
    }),
  ];
};

/** Whether another process serves a slot's port. */
export const portsFree: Judge = ({ ports, addresses, agents, ownSlots }, { survey }) => {
  const range = ports && portsOfSlots(ports, agents);
  if (!range || survey === null) return [];
  const owners = ownersOf({ ports, addresses }, agents, ownSlots);
  const taken = protocolsOf(ports).flatMap((protocol) =>
    survey.served[protocol]
      .filter(({ port, address }) => takes(owners.get(port), address))
      .map(({ port, address }) => ({
        protocol,
        port,
        text: addresses ? formatPlace({ port, address }) : String(port),
      })),
  );
  const [first] = taken;
  const texts = new Set(taken.map(({ protocol, text }) => `${protocol} ${text}`));
  const listed = [...texts].slice(0, 5);
  return [
    remark(first === undefined ? 'ok' : 'fail', {
      limit: 'ports in use',
      needed: formatPorts([range]),
      have:
        first === undefined
          ? 'none in use'
          : listed.join(', ') + (texts.size > 5 ? `, and ${texts.size - 5} more` : ''),
      source: `/proc/net/${first?.protocol ?? protocolsOf(ports).join(', ')}`,
      why:
        first === undefined
          ? 'No other process serves a port of these slots.'
          : 'Another process serves a port of these slots.',
      fix:
        first === undefined
          ? null
          : `find the process with ss -lnp 'sport = :${first.port}' and stop it, or ${addresses ? 'change ports or addresses' : 'move ports.base'}`,
    }),
  ];
};

/** Whether outgoing connections may take a slot's port, or lack ports because the slots own them. */
export const ephemeralPorts: Judge = ({ ports, agents }, facts) => {
  const [first, last] = sysctlNumbers(facts, 'net.ipv4.ip_local_port_range') ?? [];
  if (first === undefined || last === undefined) return [];
  const ephemeral = { first, last };
  const reserved = parsePorts(facts.sysctls['net.ipv4.ip_local_reserved_ports'] ?? '');
  const range = ports && portsOfSlots(ports, agents);
  const left = last - first + 1 - countShared(ephemeral, range ? [...reserved, range] : reserved);
  const source = sysctlSource('net.ipv4.ip_local_port_range');
  const findings: Finding[] = [];
  if (range) {
    const exposed = countShared(range, [ephemeral]) - exposedButReserved(range, ephemeral, reserved);
    findings.push(
      remark(exposed > 0 ? 'warn' : 'ok', {
        limit: 'net.ipv4.ip_local_reserved_ports',
        needed: formatPorts([range]),
        have: formatPorts(reserved) || 'none reserved',
        source: sysctlSource('net.ipv4.ip_local_reserved_ports'),
        why:
          exposed > 0
            ? `${formatCount(exposed)} ports of the slots lie in ip_local_port_range (${first}-${last}), where any outgoing connection may take them.`
            : 'No outgoing connection takes a port of the slots.',
        fix:
          exposed > 0
            ? sysctlFix('net.ipv4.ip_local_reserved_ports', formatPorts([...reserved, range]))
            : null,
      }),
    );
  }
  findings.push(
    remark(left < EPHEMERAL_MIN ? 'warn' : 'ok', {
      limit: 'net.ipv4.ip_local_port_range',
      needed: EPHEMERAL_MIN,
      have: left,
      source,
      why: 'The ports left for outgoing connections to any one address and port.',
      fix: left < EPHEMERAL_MIN ? `move ports.base out of ${first}-${last}, or widen the range` : null,
    }),
  );
  return findings;
};

/** How many of the slots' ports are in the ephemeral range, but reserved. */
function exposedButReserved(range: PortRange, ephemeral: PortRange, reserved: readonly PortRange[]): number {
  const shared = {
    first: Math.max(range.first, ephemeral.first),
    last: Math.min(range.last, ephemeral.last),
  };
  return shared.first > shared.last ? 0 : countShared(shared, reserved);
}

/** The addresses at which slots without a running agent own each port; null among them: at all. */
function ownersOf(
  spec: Pick<Demand, 'ports' | 'addresses'>,
  agents: number,
  ownSlots: ReadonlySet<number>,
): Map<number, Set<string | null>> {
  const owners = new Map<number, Set<string | null>>();
  for (let slot = 0; slot < agents; slot++) {
    if (ownSlots.has(slot)) continue;
    for (const { port, address } of placesOf(spec, slot))
      owners.set(port, (owners.get(port) ?? new Set()).add(address));
  }
  return owners;
}

/** Whether a socket at this address takes what belongs to a slot. One of IPv6 at any address mostly takes IPv4 as well. */
function takes(owned: ReadonlySet<string | null> | undefined, address: string): boolean {
  if (owned === undefined) return false;
  if (owned.has(null) || owned.has(address) || address === '::') return true;
  return address === '0.0.0.0' && [...owned].some((own) => !own!.includes(':'));
}

function protocolsOf({ protocol }: Ports): ('tcp' | 'udp')[] {
  return protocol ? [protocol] : ['tcp', 'udp'];
}
