import { formatCount, formatSize } from '../../specification/units.ts';
import type { Demand } from '../demand.ts';
import { type HostFacts, sysctlNumber, sysctlNumbers } from '../facts.ts';
import { byHandFix, type Finding, type Judge, remark, sysctlFix, sysctlSource } from '../finding.ts';
import { SOMAXCONN, sysctlSettings } from '../sysctl.ts';

/** The share of memory for all socket buffers above which the doctor warns. */
const PROMISE_SHARE = 1 / 4;

/** net.core.*_default: every socket may fill a buffer of this size. */
export const bufferDefaults: Judge = (demand, facts) =>
  (['rmem', 'wmem'] as const).flatMap((kind) => {
    const name = `net.core.${kind}_default` as const;
    const have = sysctlNumber(facts, name);
    const sockets = socketsOf(demand);
    if (have === null || sockets === 0) return [];
    const promised = sockets * have;
    const { totalBytes } = facts.memory;
    const isLarge = promised > totalBytes * PROMISE_SHARE;
    const fair = Math.floor((totalBytes * PROMISE_SHARE) / sockets);
    return [
      remark(isLarge ? 'warn' : 'ok', {
        limit: name,
        needed: isLarge ? fair : null,
        have,
        source: sysctlSource(name),
        why: `${formatCount(sockets)} sockets × ${formatSize(have)} may use ${formatSize(promised)} of the host's ${formatSize(totalBytes)} of memory.`,
        fix: isLarge ? byHandFix(name, fair) : null,
        unit: 'bytes',
      }),
    ];
  });

/** net.core.*_max: the maximum buffer; the kernel silently cuts larger requests down to it (socket(7)). */
export const bufferMaxima: Judge = (demand, facts) =>
  (['rmem', 'wmem'] as const).flatMap((kind) => {
    const name = `net.core.${kind}_max` as const;
    const have = sysctlNumber(facts, name);
    const usual = sysctlNumber(facts, `net.core.${kind}_default`);
    if (have === null || usual === null || socketsOf(demand) === 0) return [];
    const isLow = have < usual;
    const why =
      'The maximum buffer that a daemon may request; if it is below the default, a request shrinks the buffer.';
    const fix = isLow ? sysctlFix(name, usual) : null;
    return [
      remark(isLow ? 'warn' : 'ok', {
        limit: name,
        needed: usual,
        have,
        source: sysctlSource(name),
        why,
        fix,
        unit: 'bytes',
      }),
    ];
  });

/** net.ipv4.udp_mem, in pages. Its first value is the limit (Documentation/networking/ip-sysctl.rst). */
export const udpMemory: Judge = (demand, facts) => {
  const have = sysctlNumber(facts, 'net.ipv4.udp_mem');
  const bufferBytes = sysctlNumber(facts, 'net.core.rmem_default');
  const sockets = Math.ceil(demand.agents * demand.likely.udpSockets);
  if (have === null || bufferBytes === null || sockets === 0) return [];
  const needed = Math.ceil((sockets * bufferBytes) / facts.pageBytes);
  return [
    pagesFinding(demand, facts, 'net.ipv4.udp_mem', {
      needed,
      have,
      why:
        `Pages of ${formatSize(facts.pageBytes)} for all UDP queues, here ${formatSize(have * facts.pageBytes)}: ` +
        `${formatCount(sockets)} sockets with full queues of ${formatSize(bufferBytes)} need ${formatSize(needed * facts.pageBytes)}. Beyond the limit, packets are lost.`,
    }),
  ];
};

/** net.ipv4.tcp_mem, in pages: above its third value the kernel drops and resets (tcp(7)). A queue takes at least a page. */
export const tcpMemory: Judge = (demand, facts) => {
  const have = sysctlNumbers(facts, 'net.ipv4.tcp_mem')?.[2];
  const needed = Math.ceil(demand.agents * demand.likely.tcpSockets);
  if (have === undefined || needed === 0) return [];
  return [
    pagesFinding(demand, facts, 'net.ipv4.tcp_mem', {
      needed,
      have,
      why: `Pages of ${formatSize(facts.pageBytes)} for all TCP queues: at least one for each of ${formatCount(needed)} sockets.`,
    }),
  ];
};

function pagesFinding(
  demand: Demand,
  facts: HostFacts,
  name: 'net.ipv4.udp_mem' | 'net.ipv4.tcp_mem',
  { needed, have, why }: { needed: number; have: number; why: string },
): Finding {
  const isShort = needed > have;
  const computed = sysctlSettings(demand, facts).find(({ key }) => key === name)?.value;
  // The drop-in does not set tcp_mem; these are the kernel's own proportions (net/ipv4/tcp.c).
  const byHand = `${Math.ceil(needed / 2)} ${Math.ceil((needed * 2) / 3)} ${needed}`;
  const fix = computed === undefined ? byHandFix(name, byHand) : sysctlFix(name, computed);
  return remark(isShort ? 'warn' : 'ok', {
    limit: name,
    needed,
    have,
    source: sysctlSource(name),
    why,
    fix: isShort ? fix : null,
  });
}

/** net.core.somaxconn: a service that all agents connect to at once after its restart must queue them (listen(2)). */
export const somaxconn: Judge = ({ agents }, facts) => {
  const have = sysctlNumber(facts, 'net.core.somaxconn');
  if (have === null) return [];
  const needed = Math.min(agents, SOMAXCONN);
  const isShort = needed > have;
  return [
    remark(isShort ? 'warn' : 'ok', {
      limit: 'net.core.somaxconn',
      needed,
      have,
      source: sysctlSource('net.core.somaxconn'),
      why: 'The maximum number of connections that wait for a listener. After the restart of a service that all agents use, they connect at once.',
      fix: isShort ? sysctlFix('net.core.somaxconn', SOMAXCONN) : null,
    }),
  ];
};

/** nf_conntrack_max, if the firewall tracks connections: beyond it packets are dropped. */
export const conntrack: Judge = (demand, facts) => {
  const name = 'net.netfilter.nf_conntrack_max';
  const have = sysctlNumber(facts, name);
  const sockets = socketsOf(demand);
  if (have === null || facts.used.connections === null || sockets === 0) return [];
  const needed = facts.used.connections + sockets;
  const isShort = needed > have;
  const computed = sysctlSettings(demand, facts).find(({ key }) => key === name);
  return [
    remark(isShort ? 'warn' : 'ok', {
      limit: name,
      needed,
      have,
      source: sysctlSource(name),
      why: 'The maximum number of connections that the firewall tracks: at least one per socket with a peer. Beyond it, packets are dropped.',
      fix: isShort ? sysctlFix(name, computed!.value) : null,
    }),
  ];
};

function socketsOf({ agents, likely }: Demand): number {
  return Math.ceil(agents * (likely.udpSockets + likely.tcpSockets));
}
