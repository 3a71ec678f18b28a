import { canonicalAddress } from '../../specification/addresses.ts';

/** ::ffff:0.0.0.0/96: IPv4 addresses in sockets of IPv6. */
const MAPPED = '0000000000000000FFFF0000';
const WORD_DIGITS = 8;

/**
 * An address as the kernel writes it in /proc/net: word by word, each as a little-endian host reads its bytes, in
 * hexadecimal; one word for IPv4 and for IPv4 in IPv6, four for IPv6.
 */
export type KernelAddress = string;

/** The address that a socket has, without its being IPv4 in IPv6. @param written as /proc/net has it */
export function unmapped(written: KernelAddress): KernelAddress {
  return written.startsWith(MAPPED) ? written.slice(MAPPED.length) : written;
}

/** The form of an address in the kernel's tables. @param text in canonical form, as addressOf() returns it */
export function kernelAddress(text: string): KernelAddress {
  const bytes = Buffer.from(bytesOf(text));
  let words = '';
  for (let at = 0; at < bytes.length; at += 4) words += kernelWord(bytes.readUInt32LE(at));
  return unmapped(words);
}

/** A word of an address, as /proc/net writes it. */
export function kernelWord(word: number): KernelAddress {
  return word.toString(16).toUpperCase().padStart(WORD_DIGITS, '0');
}

/** The text of an address, in canonical form: the reverse of kernelAddress(). */
export function addressText(address: KernelAddress): string {
  const bytes = Buffer.from(address, 'hex');
  for (let at = 0; at < bytes.length; at += 4) bytes.subarray(at, at + 4).reverse();
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return canonicalAddress(groups.join(':')) ?? groups.join(':');
}

/** The bytes of an address in text: four, or 16; an IPv6 address has at most one `::`, and no IPv4 address at its end. */
export function bytesOf(address: string): number[] {
  if (!address.includes(':')) return address.split('.').map(Number);
  const [head = [], tail = []] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const words = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => '0'), ...tail];
  return words.flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 0xff]);
}
