import { writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ProcessId } from '../../fleet/agent.ts';
import type { ExitCause } from '../../fleet/exit.ts';
import { makeChild } from '../files/files.ts';
import { readCgroupPath } from '../proc/cgroup.ts';
import { isGone } from '../proc/read.ts';
import { readStat } from '../proc/stat.ts';
import { pause } from '../sys/pause.ts';
import { killIf } from '../sys/pidfd.ts';
import type { Containment, Errand, ErrandKind } from './containment.ts';
import { CgroupErrands } from './errands.ts';
import { isFleetDirectory, LAUNCHER_LEAF, type OwnedHome, openHome } from './home.ts';
import type { Resources } from './limits.ts';
import { childrenOf, isPopulated, membersOf, removeIfEmpty } from './path.ts';
import { CgroupResources, fleetOf } from './resources.ts';

/** A launcher moves to its cgroup as its first act: one that is not there after this time never will be. */
const ARRIVAL_MS_MAX = 500;
const ARRIVAL_LOOK_MS = 2;

/**
 * A tree of leaf cgroups, one per slot, which prove which process belongs to which slot: membership is inherited by every
 * fork, survives setsid and the supervisor's death, and cannot be left without write access to the tree. That needs no
 * controller. `ROOT/FLEET/SLOT` are the agents', from their first instruction on; the supervisor has a cgroup of its own,
 * in which nothing of a spec ever runs.
 */
export class CgroupTree implements Containment {
  readonly kind = 'cgroup';
  readonly #root: string;
  /** The root as in /proc/PID/cgroup, with a trailing slash. */
  readonly #prefix: string;
  readonly #own: string;
  readonly #origin: string | null;
  readonly #top: string;
  readonly #resources: CgroupResources;
  readonly #errands: CgroupErrands;
  readonly #release: () => void;
  readonly #launcherLeaf: string;
  #launcher: number | null = null;
  /** Leaves that this supervisor has made, and in which nothing was killed by cgroup.kill. */
  readonly #unharmed = new Set<string>();
  readonly #session = readStat(process.pid)!.session;
  onProblem: Containment['onProblem'] = () => {};

  private constructor(home: OwnedHome) {
    const { root, own, origin, mount, release } = home;
    this.#release = release;
    this.#top = mount;
    this.#root = root;
    this.#own = own;
    this.#origin = origin;
    // If this process has moved there, the kernel knows the path; otherwise the operator has named it.
    const path = origin === null ? root.slice(mount.length) : dirname(ownPath());
    this.#prefix = `${path}/`;
    this.#resources = new CgroupResources(home, (error) => this.onProblem(error));
    this.#errands = new CgroupErrands(root, (error) => this.onProblem(error));
    this.#launcherLeaf = `${root}/${LAUNCHER_LEAF}`;
  }

  /**
   * @param id distinguishes this supervisor's tree from others on the host
   * @returns null if no v2 tree can be written
   * @throws FleetError CGROUP_UNUSABLE if a home is named for the agents but cannot be used, STATE_LOCKED if another
   *   supervisor owns the tree
   */
  static open(id: string): CgroupTree | null {
    const home = openHome(id);
    return home && new CgroupTree(home);
  }

  /**
   * Makes the leaf with its limits, before any process is in it. A leaf in which something may have been killed by
   * cgroup.kill is replaced first. From Linux 6.14 on, clone3(2) counts such kills in the target and in
   * the parent's own cgroup, and kills the child if the two counts differ (cgroup_css_set_fork, kernel/cgroup/cgroup.c).
   */
  place(key: string): string {
    const leaf = `${this.#root}/${key}`;
    if (!this.#unharmed.has(key)) {
      if (removeIfEmpty(leaf)) this.#resources.forget(key);
      makeChild(leaf, 0o755);
      this.#unharmed.add(key);
    }
    this.#resources.prepare(key);
    return leaf;
  }

  house(launcher: number): void {
    this.#launcher = launcher;
    makeChild(this.#launcherLeaf, 0o755);
    // The kernel lets a lone move wait for an RCU grace period, which nothing here waits for: children are born in leaves.
    void writeFile(`${this.#launcherLeaf}/cgroup.procs`, String(launcher)).catch((error) => {
      if (!isGone(error)) this.onProblem(error);
    });
  }

  renew(key: string): void {
    this.#unharmed.delete(key);
  }

  /** Nothing to do: the process is in its leaf, or moves there itself. */
  reattach(): void {}

  hasArrived(key: string, pid: number): boolean {
    return this.keyOf(pid) === key;
  }

  errand(kind: ErrandKind): Errand {
    return this.#errands.begin(kind);
  }

  /** Errands have cgroups of their own. */
  isErrand(): boolean {
    return false;
  }

  /** The kernel takes a pid, which may have been reused: any other process than the intended one moves out again. */
  take(key: string, { pid, startTicks }: ProcessId): boolean {
    this.#move(pid, this.place(key));
    if (readStat(pid)?.startTicks === startTicks) return this.keyOf(pid) === key;
    if (membersOf(`${this.#root}/${key}`).includes(pid)) this.#move(pid, this.#top);
    return false;
  }

  #move(pid: number, cgroup: string): void {
    try {
      writeFileSync(`${cgroup}/cgroup.procs`, String(pid));
    } catch (error) {
      // If it has ended, or its slot was removed after that, it needs no place.
      if (!isGone(error)) throw error;
    }
  }

  /** Zombies do not count. */
  isPopulated(key: string): boolean {
    return isPopulated(`${this.#root}/${key}`);
  }

  members(key: string): number[] {
    return membersOf(`${this.#root}/${key}`);
  }

  /** By cgroup.kill (Linux 5.14); before that one by one, repeated by the caller until nothing is left. */
  kill(key: string): void {
    this.renew(key);
    try {
      writeFileSync(`${this.#root}/${key}/cgroup.kill`, '1');
    } catch (error) {
      if (!isGone(error)) throw error;
      for (const pid of membersOf(`${this.#root}/${key}`)) killIf(pid, () => this.keyOf(pid) === key);
    }
  }

  /** Nothing to do: its remnants are found by their cgroup, whatever they have become. */
  ended(): void {}

  /** Only what is below our own root is ours: others may make cgroups with names like ours. */
  keyOf(pid: number): string | null {
    const path = readCgroupPath(pid);
    if (!path?.startsWith(this.#prefix)) return null;
    const [fleet = '', slot] = path.slice(this.#prefix.length).split('/');
    return slot !== undefined && isFleetDirectory(fleet) ? `${fleet}/${slot}` : null;
  }

  census(): Map<string, number[]> {
    this.#awaitArrivals();
    for (const pid of this.#unarrived()) killIf(pid, () => this.#unarrived().includes(pid));
    this.#errands.endFormer();
    const members = this.#leaves().map((key) => [key, membersOf(`${this.#root}/${key}`)] as const);
    this.leave(members.filter(([, pids]) => pids.length === 0).map(([key]) => key));
    return new Map(members.filter(([, pids]) => pids.length > 0));
  }

  leave(keys: readonly string[]): void {
    for (const key of keys) {
      removeIfEmpty(`${this.#root}/${key}`);
      this.#resources.forget(key);
      this.#unharmed.delete(key);
    }
    for (const fleet of new Set(keys.map(fleetOf))) {
      if (!this.#resources.has(fleet)) removeIfEmpty(`${this.#root}/${fleet}`);
    }
  }

  limit(fleet: string, resources: Resources | null, agents: number): void {
    this.#resources.set(fleet, resources, agents);
    if (!this.#resources.has(fleet)) removeIfEmpty(`${this.#root}/${fleet}`);
  }

  unenforced(fleet: string): string | null {
    return this.#resources.problem(fleet);
  }

  oomSince(key: string): ExitCause | null {
    return this.#resources.oomSince(key);
  }

  /** Returns to the original cgroup and removes the tree, except where agents live. */
  close(): void {
    this.#awaitArrivals();
    this.leave(this.#leaves());
    for (const fleet of this.#fleets()) removeIfEmpty(`${this.#root}/${fleet}`);
    this.#errands.close();
    removeIfEmpty(this.#launcherLeaf);
    if (this.#origin !== null && this.#returnTo(this.#origin)) removeIfEmpty(this.#own);
    removeIfEmpty(this.#root);
    this.disown();
  }

  /** Gives up the tree as it is, as the end of this process would. */
  disown(): void {
    this.#release();
  }

  /** @returns false if the original cgroup is gone: ours stays, empty, for the next supervisor */
  #returnTo(origin: string): boolean {
    try {
      writeFileSync(`${origin}/cgroup.procs`, String(process.pid));
      return true;
    } catch {
      return false;
    }
  }

  /** The keys of all leaves. */
  #leaves(): string[] {
    return this.#fleets().flatMap((fleet) =>
      childrenOf(`${this.#root}/${fleet}`).map((slot) => `${fleet}/${slot}`),
    );
  }

  #fleets(): string[] {
    return childrenOf(this.#root).filter(isFleetDirectory);
  }

  /** Gives launchers of an earlier supervisor that are still in its cgroup time to move to their leaves. */
  #awaitArrivals(): void {
    for (let ms = 0; ms < ARRIVAL_MS_MAX && this.#unarrived().length > 0; ms += ARRIVAL_LOOK_MS)
      pause(ARRIVAL_LOOK_MS);
  }

  /**
   * The processes of other sessions in the cgroups of supervisor and launcher: an earlier launcher, which leads one, and
   * children of launchers.
   */
  #unarrived(): number[] {
    return [...membersOf(this.#own), ...membersOf(this.#launcherLeaf)].filter((pid) => {
      if (pid === this.#launcher) return false;
      const session = readStat(pid)?.session;
      return session !== undefined && session !== this.#session;
    });
  }
}

function ownPath(): string {
  return readCgroupPath('self') ?? '/';
}
