import { PORT_MAX } from '../specification/ports.ts';
import type { Ports } from '../specification/spec.ts';

/** Ports from first to last, inclusive. */
export interface PortRange {
  first: number;
  last: number;
}

/** Parses `8080,9000-9099`, as ip_local_reserved_ports prints it, to ranges; skips anything that is not a port. */
export function parsePorts(text: string): PortRange[] {
  return [...text.matchAll(/(\d+)(?:-(\d+))?/g)].map((found) => ({
    first: Number(found[1]),
    last: Number(found[2] ?? found[1]),
  }));
}

/** Formats ranges for ip_local_reserved_ports: ascending, adjacent ranges joined, each port once. */
export function formatPorts(ranges: readonly PortRange[]): string {
  return mergePorts(ranges)
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
    .join(',');
}

/** The same ports in as few ranges as possible, ascending. */
export function mergePorts(ranges: readonly PortRange[]): PortRange[] {
  const merged: PortRange[] = [];
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else merged.push({ first, last });
  }
  return merged;
}

/** The ports of the slots 0 to `slots` − 1, as far as they exist; null if there are none. */
export function portsOfSlots(ports: Ports, slots: number): PortRange | null {
  if (ports.same) return slots > 0 ? { first: ports.base, last: ports.base } : null;
  const last = Math.min(PORT_MAX, ports.base + slots * ports.perAgent - 1);
  return last < ports.base ? null : { first: ports.base, last };
}

/** How many ports of `range` are in `others`. */
export function countShared(range: PortRange, others: readonly PortRange[]): number {
  return mergePorts(others).reduce(
    (sum, { first, last }) =>
      sum + Math.max(0, Math.min(range.last, last) - Math.max(range.first, first) + 1),
    0,
  );
}
