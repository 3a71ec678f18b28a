import { PROC, readProcText } from './read.ts';

/** Identifies this boot (random(4)); `unknown` if the kernel does not provide it. */
export function readBootId(proc = PROC): string {
  return readProcText(`${proc}/sys/kernel/random/boot_id`) ?? 'unknown';
}

/** Milliseconds since boot, suspended time included (proc_uptime(5)). */
export function readUptimeMs(proc = PROC): number {
  return Number(readProcText(`${proc}/uptime`)!.split(' ')[0]) * 1000;
}
