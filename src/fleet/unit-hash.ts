/** A number in [0, 1) that looks random but is always the same for the same integer (the finaliser of MurmurHash3). */
export function unitHash(integer: number): number {
  let h = integer | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}
