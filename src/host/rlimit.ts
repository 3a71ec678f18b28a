import { check, libc } from './libc.ts';

/** RLIMIT numbers, the same on x86-64 and arm64 (asm-generic/resource.h). */
const RESOURCE = { nproc: 6, nofile: 7 } as const;
export type Resource = keyof typeof RESOURCE;

/** A soft and a hard limit; Infinity where there is none. */
export interface Limit {
  soft: number;
  hard: number;
}

const UNLIMITED = 2n ** 64n - 1n;
const toNumber = (value: bigint): number => (value === UNLIMITED ? Number.POSITIVE_INFINITY : Number(value));
const toBigInt = (value: number): bigint => (value === Number.POSITIVE_INFINITY ? UNLIMITED : BigInt(value));

/** This process's own limit. */
export function getLimit(resource: Resource): Limit {
  const pair = new BigUint64Array(2);
  check('getrlimit', libc.getrlimit(RESOURCE[resource], pair));
  return { soft: toNumber(pair[0]!), hard: toNumber(pair[1]!) };
}

/**
 * Runs `work` with another soft limit of this process, which what it forks inherits; the hard limit stays.
 * Nothing but forks should be in `work`: while it runs, the supervisor itself has no more than that.
 * @throws SystemCallError EINVAL where `soft` is above the hard limit
 */
export function withSoftLimit<T>(resource: Resource, soft: number, work: () => T): T {
  const own = getLimit(resource);
  if (own.soft === soft) return work();
  setLimit(resource, { ...own, soft });
  try {
    return work();
  } finally {
    setLimit(resource, own);
  }
}

function setLimit(resource: Resource, { soft, hard }: Limit): void {
  const pair = new BigUint64Array([toBigInt(soft), toBigInt(hard)]);
  check('setrlimit', libc.setrlimit(RESOURCE[resource], pair));
}
