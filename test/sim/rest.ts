import type { FleetRunner } from '../../src/daemon/fleet/runner.ts';
import { runOf } from '../../src/fleet/agent.ts';
import type { SimulatedHost } from './world.ts';

/** No helper runs longer. */
const HELPER_MS_MAX = 10_000;

/** So often an agent writes to its log between two looks at it (60 s, watches/logs.ts). */
const LOG_WRITES_MAX = 7;

/** What is not yet as it should be when nothing more goes wrong; null where everything is. */
export function unrest(world: SimulatedHost): string | null {
  for (const [name, runner] of world.fleets) {
    const found = unrestOf(world, name, runner);
    if (found) return found;
  }
  const keys = new Set(
    [...world.promises].flatMap(([name, { wanted }]) => [...wanted].map((slot) => `${name}/${slot}`)),
  );
  for (const { key, pid, kind, startedAt } of world.kernel.processes.values()) {
    if (kind === 'helper' && world.time.now - startedAt > HELPER_MS_MAX) return `helper ${pid} is left over`;
    if (kind === 'guard' && !world.kernel.inSlot(key!).some(({ parentPid }) => parentPid === pid))
      return `pid ${pid} guards nothing in slot ${key}`;
    if (key !== null && !keys.has(key)) return `pid ${pid} is left over in slot ${key}`;
  }
  for (const directory of [world.paths.fleets, world.paths.logs, world.paths.releases]) {
    const aside = world.disk.list(directory).find((name) => name.startsWith('.purg'));
    if (aside) return `${directory}/${aside} is left over`;
  }
  const left = [...world.kernel.places].find((key) => !keys.has(key));
  return left === undefined ? null : `the runtime directory of slot ${left} is left over`;
}

function unrestOf(world: SimulatedHost, name: string, { fleet }: FleetRunner): string | null {
  const { record } = fleet;
  const { wanted, renewedAt } = world.promises.get(name)!;
  if (record.hold) return `${name} is held by ${record.hold.by}: ${record.hold.reason}`;
  const { rollout } = record;
  if (rollout && rollout.state !== 'done' && rollout.state !== 'rolled-back')
    return `the rollout of ${name} is ${rollout.state}: ${rollout.reason}`;
  if (record.reload?.state === 'running') return `${name} is being reloaded`;
  for (const slot of wanted) {
    const [main, other] = world.kernel.inSlot(`${name}/${slot}`).filter(({ kind }) => kind === 'agent');
    const its = fleet.slots.get(slot);
    // An agent that has ended well is not started again, if its spec says so.
    if (!main && its?.agent.state === 'completed' && its.completed) continue;
    // One that gets too old is being replaced, again and again.
    if (fleet.spec.restart.maxAge !== null && its && (!main?.isReady || its.agent.state !== 'ready'))
      continue;
    if (!main || !its) return `nothing runs in slot ${name}/${slot}: ${its?.agent.state}`;
    if (other) return `two agents run in slot ${name}/${slot}`;
    if (!main.isReady && main.nature.readyMs !== null) return `slot ${name}/${slot} does not serve`;
    if (its.agent.state !== 'ready') return `slot ${name}/${slot} is ${its.agent.state}`;
    if (runOf(its.agent)?.pid !== main.pid)
      return `slot ${name}/${slot} runs pid ${main.pid}, another is noted`;
    if (main.startedAt > world.notesLostAt && main.env.FLEET_RELEASE !== its.release)
      return `slot ${name}/${slot} runs another release than its own`;
    const { to, maxSizeBytes } = fleet.spec.logs;
    const size = world.disk.at(world.paths.log(name, slot))?.sizeBytes ?? 0;
    const bytesMax = maxSizeBytes + main.nature.logBytes * LOG_WRITES_MAX;
    if (to === 'file' && size > bytesMax) return `the log of slot ${name}/${slot} has ${size} bytes`;
    if (main.startedAt < (renewedAt.get(slot) ?? 0)) return `slot ${name}/${slot} was not restarted`;
  }
  return null;
}
