import { runOf } from '../../src/fleet/agent.ts';
import { decideHold, decideResume } from '../../src/fleet/decide/hold.ts';
import { decideKill } from '../../src/fleet/decide/kill.ts';
import { decideReload } from '../../src/fleet/decide/reload.ts';
import { decideRestart } from '../../src/fleet/decide/restart.ts';
import { decideRollback, decideRolloutAction } from '../../src/fleet/decide/rollout.ts';
import { placesOf } from '../../src/specification/places.ts';
import { formatSlots } from '../../src/specification/slots.ts';
import type { Spec } from '../../src/specification/spec.ts';
import { type Effect, type Expected, ofFleet, toTarget, without } from './expected.ts';
import { WELL_BEHAVED } from './kernel.ts';
import { changed, type Document, documentOf, programOf, SLOTS_MAX } from './specs.ts';
import type { SimulatedHost } from './world.ts';

/** How often each thing happens, beside the others. */
const WEIGHTS = {
  spawn: 5,
  respec: 3,
  spawnBoth: 1,
  kill: 2,
  killSlots: 2,
  restart: 3,
  hold: 1,
  resume: 2,
  rollingUpdate: 4,
  rollout: 2,
  rollBack: 1,
  remove: 1,
  stray: 3,
  adoptStrays: 2,
  killStrays: 1,
  rebuild: 1,
  die: 3,
  storm: 1,
  stranger: 3,
  faults: 3,
  disk: 1,
  wallClock: 1,
  crash: 4,
  reboot: 0.5,
  reload: 2,
} as const;

/** So many processes at most are started by hand at a time. */
const STRAYS_MAX = 6;

type Move = keyof typeof WEIGHTS;

/** Something happens: a command of a user's, or something to the host, its agents or the supervisor. */
export function makeMove(world: SimulatedHost, documents: Map<string, Document>): void {
  const move = world.moves.weighted(WEIGHTS);
  const names = [...world.promises.keys()];
  const name =
    names.length === 0 || world.moves.chance(0.1)
      ? world.moves.pick(['f', 'f', 'g'])
      : world.moves.pick(names);
  MOVES[move](world, name, documents);
}

const MOVES: Record<Move, (world: SimulatedHost, name: string, documents: Map<string, Document>) => void> = {
  spawn: (world, name, documents) => {
    if (!documents.has(name)) spawnNew(world, name, documents);
    else {
      const target = world.moves.below(SLOTS_MAX + 1);
      const call = () => world.life!.commands.spawn(name, { target, force: true });
      world.command(`spawn ${target} --fleet ${name}`, call, ofFleet(name, toTarget(target)));
    }
  },
  respec: (world, name, documents) => {
    if (!documents.has(name)) spawnNew(world, name, documents);
    else spawnWith(world, name, changed(world.moves, documents.get(name)!), documents);
  },
  spawnBoth: (world, _name, documents) => spawnTogether(world, ['f', 'g'], documents),
  kill: (world, name) => {
    const count = world.moves.below(4);
    const request = world.moves.chance(0.15) ? { all: true } : { count };
    const effect = ofFleet(name, (before) => {
      const left = 'all' in request ? 0 : Math.max(0, before.wanted.size - count);
      return toTarget(left)(before);
    });
    const text = `kill ${JSON.stringify(request)} --fleet ${name}`;
    world.command(
      text,
      () => world.life!.commands.decide(name, (fleet) => decideKill(fleet, request)),
      effect,
    );
  },
  killSlots: (world, name) => {
    const slots = someSlots(world, name);
    if (slots.length === 0) return;
    const request = { slots: formatSlots(slots), now: world.moves.chance(0.3) };
    const call = () => world.life!.commands.decide(name, (fleet) => decideKill(fleet, request));
    const text = `kill --slots ${slots}${request.now ? ' --now' : ''} --fleet ${name}`;
    world.command(text, call, ofFleet(name, without(slots)));
  },
  restart: (world, name) => {
    const slots = world.moves.chance(0.4) ? null : someSlots(world, name);
    if (slots?.length === 0) return;
    const latest = world.moves.chance(0.4);
    const request = { ...(slots && { slots: formatSlots(slots) }), ...(latest && { latest }) };
    const at = world.time.now;
    const effect = ofFleet(name, ({ wanted, renewedAt }) => ({
      renewedAt: new Map([...renewedAt, ...(slots ?? [...wanted]).map((slot) => [slot, at] as const)]),
    }));
    const text = `restart ${JSON.stringify(request)} --fleet ${name}`;
    world.command(
      text,
      () => world.life!.commands.decide(name, (fleet) => decideRestart(fleet, request)),
      effect,
    );
  },
  hold: (world, name) => {
    world.command(`hold ${name}`, () => world.life!.commands.change(name, decideHold), held(name, true));
  },
  resume: (world, name) => resume(world, name),
  rollingUpdate: (world, name, documents) => {
    const document = documents.get(name);
    if (!document) return;
    const next = {
      ...changed(world.moves, document),
      ...(world.moves.chance(0.9) && {
        ports: document.ports,
        command: document.command,
        ready: document.ready,
      }),
    };
    const spec = JSON.parse(JSON.stringify(next)) as Document;
    const call = async () => {
      const answer = await world.life!.commands.rollingUpdate(name, { spec, baseDir: '/' });
      documents.set(name, spec);
      return answer;
    };
    world.command(
      `rolling-update ${name} to ${spec.env.V} ${JSON.stringify(spec.update)}`,
      call,
      held(name, null),
    );
  },
  rollout: (world, name) => {
    const action = world.moves.pick(['pause', 'resume', 'abort'] as const);
    const call = async () =>
      world.life!.commands.decide(name, (fleet, date) => decideRolloutAction(fleet, action, date));
    world.command(`rollout ${action} --fleet ${name}`, call, held(name, null));
  },
  rollBack: (world, name) => {
    const releases = [...(world.fleets.get(name)?.fleet.releases.keys() ?? [])];
    const request = world.moves.chance(0.5) && releases.length > 0 ? { to: world.moves.pick(releases) } : {};
    const text = `rollback ${JSON.stringify(request)} --fleet ${name}`;
    world.command(
      text,
      () => world.life!.commands.decide(name, (fleet, date) => decideRollback(fleet, request.to, date)),
      held(name, null),
    );
  },
  remove: (world, name, documents) => {
    const isPurge = world.moves.chance(0.5);
    if (isPurge) world.purged.add(name);
    const call = async () => {
      await world.life!.commands.remove(name, isPurge);
      documents.delete(name);
    };
    const text = `remove ${name}${isPurge ? ' --purge' : ''}`;
    // The name is free before the answer comes: a spawn in between would be judged by what the answer says.
    world.command(text, call, (before) => new Map([...before].filter(([its]) => its !== name)), true);
  },
  stray: (world, name) => {
    const { kernel, disk, moves, fleets } = world;
    const path = programOf(name);
    const strays = [...kernel.processes.values()].filter(({ kind }) => kind === 'stray');
    if (strays.length >= STRAYS_MAX) return;
    const spec = fleets.get(name)?.fleet.spec;
    const slot = moves.below(SLOTS_MAX);
    const isOfOthers = moves.chance(0.15);
    const { pid } = kernel.fork({
      kind: isOfOthers ? 'stranger' : 'stray',
      key: null,
      env: spec?.ports && moves.chance(0.6) ? placeIn(spec, slot) : {},
      nature: { ...WELL_BEHAVED, stopMs: moves.pick([20, 1_000, null]), forks: moves.chance(0.3) },
      parent: null,
      program: { path, file: disk.at(path)!.id! },
      argv: [path, String(slot)],
      uid: moves.chance(0.8) ? 0 : 1_000,
      isOfOthers,
    });
    world.trace(`~ pid ${pid} is started by hand as ${path}${isOfOthers ? ', by another supervisor' : ''}`);
  },
  adoptStrays: (world, name) => {
    const call = async () => {
      const before = world.promises.get(name)?.wanted ?? new Set();
      const { strays: answered } = await world.life!.commands.actOnStrays(name, { action: 'adopt' });
      const added = answered.filter((each) => each.result === 'adopted' && !before.has(each.slot)).length;
      const { size } = world.fleets.get(name)!.fleet.wantedSlots();
      if (size !== before.size + added)
        world.fail(`${added} strays of ${name} are adopted, ${before.size} were wanted, and ${size} are now`);
    };
    // One that is started while the others are looked at may be among those that are adopted.
    const effect = ofFleet(name, () => ({ growth: STRAYS_MAX }));
    world.command(`strays --adopt --fleet ${name}`, call, effect, true);
  },
  killStrays: (world, name) => {
    world.doomed.add(name);
    const call = () => world.life!.commands.actOnStrays(name, { action: 'kill' });
    world.command(`strays --kill --fleet ${name}`, call, (before) => before);
  },
  rebuild: (world, name) => {
    world.disk.install(programOf(name), `${name} ${world.time.now}`);
    world.trace(`~ ${programOf(name)} is built again`);
  },
  die: (world) => {
    const agents = agentsOf(world);
    if (agents.length === 0) return;
    for (const agent of world.moves.chance(0.7) ? [world.moves.pick(agents)] : world.moves.some(agents))
      world.kernel.end(
        agent,
        world.moves.pick([
          { code: 1, signal: null },
          { code: 0, signal: null },
        ]),
      );
  },
  storm: (world) => {
    for (const agent of agentsOf(world)) world.kernel.end(agent, { code: null, signal: 'SIGSEGV' });
  },
  stranger: (world) => {
    takeFreedPids(world, pidsInMind(world));
  },
  faults: (world) => world.trace(`~ ${world.faults.change()}`),
  disk: (world) => {
    world.isDiskFull = !world.isDiskFull;
    world.gate.isDiskFull = world.isDiskFull;
    world.trace(`~ the disk is ${world.isDiskFull ? 'full' : 'free again'}`);
  },
  wallClock: (world) => {
    const jumpMs = world.moves.pick([-86_400_000, -3_600_000, -1_000, 1_000, 3_600_000, 86_400_000]);
    world.wallMs += jumpMs;
    world.trace(`~ the wall clock jumps by ${jumpMs / 1000} s`);
  },
  crash: (world) => {
    const steps = world.moves.pick([0, world.moves.below(4), world.moves.below(12), world.moves.below(60)]);
    world.trace(`~ the supervisor is to be killed after ${steps} steps`);
    world.gate.crashAfter(steps);
  },
  reboot: (world) => {
    world.trace('~ the host is rebooted');
    world.count('reboot');
    world.gate.isDead = true;
    world.kernel.reboot();
    world.disk.cutPower();
  },
  reload: (world, name) => {
    const call = () =>
      world.life!.commands.decide(name, (fleet) => decideReload(fleet, {}, world.life!.host.now()));
    world.command(`reload --fleet ${name}`, call, (before) => before);
  },
};

/** Lets a fleet go on. */
export function resume(world: SimulatedHost, name: string): void {
  world.command(`resume ${name}`, () => world.life!.commands.change(name, decideResume), held(name, false));
}

/** Strangers take numbers that agents had a moment ago. @param pids of agents, those that run included */
export function takeFreedPids(world: SimulatedHost, pids: readonly number[]): void {
  const { kernel, moves } = world;
  const stranger = { kind: 'stranger', key: null, env: {}, parent: null } as const;
  for (const pid of pids) {
    if (!kernel.isFree(pid) || moves.chance(0.3)) continue;
    kernel.fork({ ...stranger, nature: { ...WELL_BEHAVED, readyMs: null } }, pid);
    world.count('pid taken by a stranger');
    world.trace(`  pid ${pid} is a stranger's now`);
  }
}

/** The pids that the supervisor has in mind. */
export function pidsInMind(world: SimulatedHost): number[] {
  return [...world.fleets.values()].flatMap(({ fleet }) =>
    [...fleet.slots.values()].flatMap(({ agent }) => runOf(agent)?.pid ?? []),
  );
}

/** What becomes of the user's hold: null where only the supervisor can tell. */
function held(name: string, isHeld: boolean | null): Effect {
  return (before) => (before.has(name) ? ofFleet(name, () => ({ isHeld }))(before) : before);
}

function spawnNew(world: SimulatedHost, name: string, documents: Map<string, Document>): void {
  spawnWith(world, name, documentOf(world.moves, name), documents);
}

function spawnWith(
  world: SimulatedHost,
  name: string,
  spec: Document,
  documents: Map<string, Document>,
): void {
  const target = world.moves.chance(0.5)
    ? world.moves.below(SLOTS_MAX + 1)
    : (world.promises.get(name)?.wanted.size ?? SLOTS_MAX);
  const request = { target, spec, baseDir: '/', force: true };
  const call = async () => {
    const answer = await world.life!.commands.spawn(name, request);
    documents.set(name, spec);
    return answer;
  };
  world.command(`spawn ${target} -f ${JSON.stringify(spec)}`, call, spawned(name, target));
}

/** Spawns several fleets with one command: all of them, or none. */
function spawnTogether(world: SimulatedHost, names: string[], documents: Map<string, Document>): void {
  const wanted = names.map((name) => {
    const known = documents.get(name);
    const spec = known ? changed(world.moves, known) : documentOf(world.moves, name);
    const target = world.moves.below(SLOTS_MAX + 1);
    return { name, request: { target, spec, baseDir: '/', force: true } };
  });
  const call = async () => {
    const answer = await world.life!.commands.spawnAll(wanted);
    for (const { name, request } of wanted) documents.set(name, request.spec);
    return answer;
  };
  const effects = wanted.map(({ name, request }) => spawned(name, request.target));
  const text = wanted.map(({ request }) => `${request.target} ${JSON.stringify(request.spec)}`).join(' and ');
  world.command(`spawn -f ${text}`, call, (before) =>
    effects.reduce((state, effect) => effect(state), before),
  );
}

function spawned(name: string, target: number): Effect {
  return ofFleet(name, (before: Expected) => ({ ...toTarget(target)(before), isHeld: null, rolloutId: 0 }));
}

function someSlots(world: SimulatedHost, name: string): number[] {
  return world.moves.some([...(world.promises.get(name)?.wanted ?? [])]);
}

/** The agents that run. */
export function agentsOf(world: SimulatedHost) {
  return [...world.kernel.processes.values()].filter(({ kind }) => kind === 'agent');
}

/** What tells a process the place of a slot. */
function placeIn(spec: Pick<Spec, 'ports' | 'addresses'>, slot: number): Record<string, string> {
  const [place] = placesOf(spec, slot);
  const { port, address } = place!;
  return { FLEET_PORT: String(port), ...(address !== null && { FLEET_ADDRESS: address }) };
}
