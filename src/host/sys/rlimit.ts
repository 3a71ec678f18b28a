import { check, libc } from './libc.ts';

/** RLIMIT numbers, the same on x86-64 and arm64 (asm-generic/resource.h). */
const RESOURCE = { nproc: 6, nofile: 7 } as const;
export type Resource = keyof typeof RESOURCE;

/** A soft and a hard limit; Infinity if there is none. */
export interface Limit {
  soft: number;
  hard: number;
}

const UNLIMITED = 2n ** 64n - 1n;
const toNumber = (value: bigint): number => (value === UNLIMITED ? Number.POSITIVE_INFINITY : Number(value));

/** This process's own limit. */
export function getLimit(resource: Resource): Limit {
  const pair = new BigUint64Array(2);
  check('getrlimit', libc.getrlimit(RESOURCE[resource], pair));
  return { soft: toNumber(pair[0]!), hard: toNumber(pair[1]!) };
}
