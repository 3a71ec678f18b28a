import { AGENTS_MAX } from './slots.ts';
import type { Addresses } from './spec.ts';

/** An address as a number, and how many bits its family has. */
interface Address {
  value: bigint;
  bits: 32 | 128;
}

/** A block of addresses. */
interface Block extends Address {
  prefix: number;
}

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** Describes what is wrong with a block of addresses such as 127.16.0.0/16; null if nothing is. */
export function blockProblem(text: string): string | null {
  const block = parseBlock(text);
  if (block === null) return 'it must be an address and a prefix length, as in 127.16.0.0/16 or fd00::/64';
  const rest = block.value & mask(BigInt(block.bits - block.prefix));
  return rest === 0n ? null : `the address has bits beyond its prefix; write ${formatBlock(block)}`;
}

/** Returns the address of a slot, base + slot + 1; null without addresses. */
export function addressOf(addresses: Addresses | null, slot: number): string | null {
  if (addresses === null) return null;
  const { value, bits } = parseBlock(addresses.base)!;
  return format({ value: value + BigInt(slot + 1), bits });
}

/** Returns the slot that owns an address; null if none does. @param address in text; anything else belongs to none */
export function slotOfAddress(addresses: Addresses, address: string): number | null {
  const base = parseBlock(addresses.base)!;
  const found = parseAddress(address);
  if (found === null || found.bits !== base.bits) return null;
  const slot = Number(found.value - base.value - 1n);
  return slot >= 0 && slot < slotsIn(addresses) ? slot : null;
}

/** Describes why a slot has no address of its own in the block; null if it has one. */
export function addressProblem(addresses: Addresses, slot: number): string | null {
  const slots = slotsIn(addresses);
  if (slot < slots) return null;
  const room = slots === 0 ? 'not even slot 0 fits' : `slot ${slots - 1} is the last one that fits`;
  return `${addresses.base} has no address for slot ${slot}: ${room}; choose a larger block or lower the target`;
}

/** Returns how many slots have an address in a block, at most as many as there can be. */
export function slotsIn({ base }: Addresses): number {
  const { bits, prefix } = parseBlock(base)!;
  // The highest address of an IPv4 network is its broadcast address (RFC 919), which no agent can have.
  const reserved = bits === 32 ? 1n : 0n;
  return Math.min(AGENTS_MAX, Math.max(0, Number(mask(BigInt(bits - prefix)) - reserved)));
}

/** Whether an address is on the loopback interface of every host, without any set-up: 127.0.0.0/8 and ::1. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/**
 * Returns the commands that give a host all addresses of a block. A local route is enough for IPv4; IPv6 lets nobody bind
 * an address that is on no interface, unless a setting allows it.
 */
export function localCommand({ base }: Addresses): string {
  const route = `ip route add local ${base} dev lo`;
  return base.includes(':') ? `${route} && sysctl -w net.ipv6.ip_nonlocal_bind=1` : route;
}

/** Returns an address in its canonical form (RFC 5952); null for anything else. */
export function canonicalAddress(text: string): string | null {
  const address = parseAddress(text);
  return address && format(address);
}

function parseBlock(text: string): Block | null {
  const [, host = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseAddress(host);
  const prefix = Number(length);
  return address === null || prefix > address.bits ? null : { ...address, prefix };
}

function formatBlock({ value, bits, prefix }: Block): string {
  const rest = BigInt(bits - prefix);
  return `${format({ value: (value >> rest) << rest, bits })}/${prefix}`;
}

function parseAddress(text: string): Address | null {
  const dotted = IPV4.exec(text);
  if (dotted === null) return parseIpv6(text);
  const bytes = dotted.slice(1).map(Number);
  if (bytes.some((byte) => byte > 255)) return null;
  return { value: bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n), bits: 32 };
}

function parseIpv6(text: string): Address | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head = [], tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...Array<string>(tail === undefined ? 0 : missing).fill('0'), ...(tail ?? [])];
  if (!groups.every((group) => GROUP.test(group))) return null;
  return { value: groups.reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n), bits: 128 };
}

function format({ value, bits }: Address): string {
  if (bits === 32) {
    return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  }
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  // The longest run of zeros, of at least two, becomes `::`; the first one if several are as long.
  const runs = [...groups.join(':').matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)];
  const longest = runs.toSorted((a, b) => b[0].length - a[0].length)[0];
  if (longest === undefined) return groups.join(':');
  const whole = groups.join(':');
  const before = whole.slice(0, Math.max(0, longest.index - 1));
  return `${before}::${whole.slice(longest.index + longest[0].length + 1)}`;
}

function mask(bits: bigint): bigint {
  return (1n << bits) - 1n;
}
