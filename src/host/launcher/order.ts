import { type Abilities, insideCalls, launchCalls, wrapperCalls } from './calls.ts';
import type { Launch } from './launch.ts';
import { compileOrder } from './script.ts';

/**
 * The order that starts a process.
 * @param number by which its answer and its reports are known
 * @returns valid until the next one is made; null if the launcher has no room for it
 */
export function orderFor(number: number, launch: Launch, abilities: Abilities): Buffer | null {
  if (launch.wrapper === undefined) return compileOrder(number, launchCalls(launch, abilities));
  const inside = compileOrder(number, insideCalls(launch, abilities.architecture));
  return inside && compileOrder(number, wrapperCalls(launch, Buffer.from(inside), abilities));
}
