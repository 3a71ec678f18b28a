import { check, libc } from './libc.ts';

/** RLIMIT numbers, the same on x86-64 and arm64 (asm-generic/resource.h). */
export const RESOURCE = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
} as const;
export type Resource = keyof typeof RESOURCE;

/** A soft and a hard limit; Infinity if there is none. */
export interface Limit {
  soft: number;
  hard: number;
}

const UNLIMITED = 2n ** 64n - 1n;
const toNumber = (value: bigint): number => (value === UNLIMITED ? Number.POSITIVE_INFINITY : Number(value));
const toWord = (value: number): bigint => (value === Number.POSITIVE_INFINITY ? UNLIMITED : BigInt(value));

/** This process's own limit. */
export function getLimit(resource: Resource): Limit {
  const pair = new BigUint64Array(2);
  check('getrlimit', libc.getrlimit(RESOURCE[resource], pair));
  return { soft: toNumber(pair[0]!), hard: toNumber(pair[1]!) };
}

/** A struct rlimit64, as prlimit(2) reads it. */
export function limitPair({ soft, hard }: Limit): Buffer {
  return Buffer.from(new BigUint64Array([toWord(soft), toWord(hard)]).buffer);
}
