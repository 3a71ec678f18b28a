import { PORT_MAX, portProblem } from '../../specification/ports.ts';
import type { Ports } from '../../specification/spec.ts';
import { formatCount } from '../../specification/units.ts';
import { sysctlNumbers } from '../facts.ts';
import { type Finding, type Judge, remark, sysctlFix, sysctlSource } from '../finding.ts';
import { countShared, formatPorts, type PortRange, parsePorts, portsOfSlots } from '../ports.ts';

/** The minimum for outgoing connections, each of which occupies its port for a minute after its end. */
const EPHEMERAL_MIN = 1_024;

/** Whether every slot's ports exist. */
export const portRange: Judge = ({ ports, agents }) => {
  if (ports === null) return [];
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

/** Whether another process serves a slot's port. */
export const portsFree: Judge = ({ ports, agents, ownPorts }, { survey }) => {
  const range = ports && portsOfSlots(ports, agents);
  if (!range || survey === null) return [];
  const taken = protocolsOf(ports).flatMap((protocol) =>
    survey.served[protocol]
      .filter((port) => port >= range.first && port <= range.last && !ownPorts.has(port))
      .map((port) => ({ protocol, port })),
  );
  const [first] = taken;
  const listed = taken.slice(0, 5).map(({ protocol, port }) => `${protocol} ${port}`);
  return [
    remark(first === undefined ? 'ok' : 'fail', {
      limit: 'ports in use',
      needed: formatPorts([range]),
      have:
        first === undefined
          ? 'none in use'
          : listed.join(', ') + (taken.length > 5 ? `, and ${taken.length - 5} more` : ''),
      source: `/proc/net/${first?.protocol ?? protocolsOf(ports).join(', ')}`,
      why:
        first === undefined
          ? 'No other process serves a port of these slots.'
          : 'Another process serves a port of these slots.',
      fix:
        first === undefined
          ? null
          : `find the process with ss -lnp 'sport = :${first.port}' and stop it, or move ports.base`,
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

function protocolsOf({ protocol }: Ports): ('tcp' | 'udp')[] {
  return protocol ? [protocol] : ['tcp', 'udp'];
}
