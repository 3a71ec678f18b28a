import type { LimitName, LimitValue, Spec } from './spec.ts';

/**
 * The soft limits of processes whose spec sets none: those of a system service (systemd.exec(5)), in the unit of
 * setrlimit(2). The stack is the kernel's (_STK_LIM), locked memory that of Linux 5.16 and later (MLOCK_LIMIT).
 */
export const LIMIT_DEFAULTS: Readonly<Record<LimitName | 'nofile', LimitValue>> = {
  as: 'unlimited',
  core: 0,
  cpu: 'unlimited',
  data: 'unlimited',
  fsize: 'unlimited',
  memlock: 8 * 1024 * 1024,
  msgqueue: 819_200,
  nofile: 1_024,
  nproc: 'unlimited',
  sigpending: 'unlimited',
  stack: 8 * 1024 * 1024,
};

/** The soft limit of the stack of a spec's processes, in bytes. */
export function stackBytesOf({ limits }: Pick<Spec, 'limits'>): number {
  const value = limits?.stack ?? LIMIT_DEFAULTS.stack;
  return value === 'unlimited' ? Number.POSITIVE_INFINITY : value;
}
