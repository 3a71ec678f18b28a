import { writeFileSync } from 'node:fs';
import type { ExitCause } from '../plan/restart.ts';
import { childrenOf, membersOf, parseCgroupPath, tryRemove } from './cgroup.ts';
import { type CgroupHome, OWN_LEAF, openHome } from './cgroup-home.ts';
import type { Resources } from './cgroup-limits.ts';
import { CgroupResources, fleetOf } from './cgroup-resources.ts';
import type { Containment, SlotFiles } from './containment.ts';
import { makeChild } from './files.ts';
import type { ProcessId } from './host.ts';
import { killIf } from './pidfd.ts';
import { isGone, readProcText } from './proc/read.ts';
import { hasEnded, readStat } from './proc/stat.ts';
import { recogniseAgent } from './recognise.ts';
import type { Spawner } from './spawner.ts';

/** Moves are made when so many wait, or the first has waited so long. */
const JOIN_BATCH = 16;
const JOIN_AFTER_MS = 20;
const LATE_LOOK_MS = 500;
const GATHER_PASSES_MAX = 5;

/**
 * A tree of leaf cgroups, one a slot, that prove which process belongs to which slot: membership is inherited by
 * every fork, survives setsid and the supervisor's death, and cannot be left without write access to the tree.
 * No controller is needed for that. `ROOT/FLEET/SLOT` are the agents'; the supervisor's own cgroup is where they are born.
 */
export class CgroupTree implements Containment {
  readonly kind = 'cgroup';
  readonly #root: string;
  readonly #own: string;
  readonly #origin: string | null;
  readonly #top: string;
  readonly #files: SlotFiles;
  readonly #spawner: Spawner;
  readonly #resources: CgroupResources;
  /** Started, and not moved to their leaf yet. */
  readonly #joining = new Map<number, string>();
  /** On their way, with what waits for that. */
  readonly #moving = new Map<number, (() => void)[]>();
  /** Reaped before their move: what they forked still belongs to the slot. */
  readonly #reaped = new Set<number>();
  readonly #session = readStat(process.pid)!.session;
  /** Processes of ours that are of no slot; each leads a session. */
  readonly #helpers = new Set<number>();
  mainOf: Containment['mainOf'] = () => null;
  #isMoving = false;
  #timer: NodeJS.Timeout | undefined;
  #lateLook: NodeJS.Timeout | undefined;
  onProblem: Containment['onProblem'] = () => {};

  private constructor(home: CgroupHome, files: SlotFiles, spawner: Spawner) {
    const { root, own, origin, mount } = home;
    this.#top = mount;
    this.#root = root;
    this.#own = own;
    this.#origin = origin;
    this.#files = files;
    this.#spawner = spawner;
    this.#resources = new CgroupResources(home, (error) => this.onProblem(error));
  }

  /**
   * @param id what tells this supervisor's tree from others on the host
   * @param spawner makes the moves of what was just started
   * @returns null where no v2 tree can be written
   * @throws FleetError CGROUP_UNUSABLE where a home is named for the agents and cannot be used
   */
  static open(id: string, files: SlotFiles, spawner: Spawner): CgroupTree | null {
    const home = openHome(id);
    return home && new CgroupTree(home, files, spawner);
  }

  /**
   * The move is made soon after, together with others: the kernel lets a first one wait for all processors (a grace
   * period of RCU, milliseconds) and takes those that follow at once for a twentieth of that.
   */
  attach(key: string, pid: number): void {
    this.#joining.set(pid, key);
    if (this.#isMoving) return;
    if (this.#joining.size >= JOIN_BATCH) void this.#moveAll();
    else this.#timer ??= setTimeout(() => void this.#moveAll(), this.#mayWait(key) ? JOIN_AFTER_MS : 0);
  }

  /** What an agent allocates before its move counts against no limit. */
  #mayWait(key: string): boolean {
    return !this.#resources.has(fleetOf(key));
  }

  async #moveAll(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isMoving = true;
    const refused = new Set<number>();
    while (this.#joining.size > refused.size) {
      await this.#moveBatch(new Map([...this.#joining].filter(([pid]) => !refused.has(pid))), refused);
    }
    this.#isMoving = false;
    if (refused.size > 0) this.#timer = setTimeout(() => void this.#moveAll(), LATE_LOOK_MS);
    // What was being forked while the last look was taken is found by another.
    clearTimeout(this.#lateLook);
    this.#lateLook = setTimeout(() => this.#gather(), LATE_LOOK_MS);
  }

  async #moveBatch(batch: ReadonlyMap<number, string>, refused: Set<number>): Promise<void> {
    const refuse = (pid: number, error: Error) => {
      refused.add(pid);
      this.onProblem(error);
    };
    for (const [pid, key] of batch) {
      if (this.#reaped.has(pid)) continue;
      try {
        this.#makeLeaf(key);
        this.#moving.set(pid, []);
      } catch (error) {
        refuse(pid, error as Error);
      }
    }
    const moves = [...this.#moving.keys()].map((pid) => ({ pid, file: this.#procsOf(batch.get(pid)!) }));
    const errors = await this.#spawner.move(moves);
    for (const [i, error] of errors.entries()) if (error && !isGone(error)) refuse(moves[i]!.pid, error);
    this.#gather();
    for (const pid of batch.keys()) if (!refused.has(pid)) this.#joining.delete(pid);
    for (const pid of this.#reaped) if (!this.#joining.has(pid)) this.#reaped.delete(pid);
    const waiting = [...this.#moving.values()].flat();
    this.#moving.clear();
    for (const reap of waiting) reap();
  }

  #move(pid: number, key: string): void {
    this.#makeLeaf(key);
    try {
      writeFileSync(this.#procsOf(key), String(pid));
    } catch (error) {
      unlessGone(error);
    }
  }

  #procsOf(key: string): string {
    return `${this.#root}/${key}/cgroup.procs`;
  }

  /** With its limits, before anybody is in it. */
  #makeLeaf(key: string): void {
    makeChild(`${this.#root}/${key}`, 0o755);
    this.#resources.prepare(key);
  }

  letGo(pid: number, reap: () => void): void {
    const waiting = this.#moving.get(pid);
    if (waiting) {
      waiting.push(() => this.letGo(pid, reap));
      return;
    }
    if (this.#joining.has(pid)) this.#reaped.add(pid);
    reap();
  }

  isAttached(pid: number): boolean {
    return !this.#joining.has(pid);
  }

  /**
   * Nothing but this process, what it runs in its own session (systemctl), helpers, and agents on their way to their
   * leaf belongs into our own cgroup. What else is there was forked by an agent before its move: it goes where that
   * one is; where that one is gone, or what it was cannot be told, it is ended.
   */
  #gather(): void {
    for (let pass = 0; pass < GATHER_PASSES_MAX; pass++) {
      const strays = this.#unattached().filter((pid) => !this.#joining.has(pid) && this.#bringHome(pid));
      if (strays.length === 0) return;
    }
  }

  /** @returns whether there was something to do */
  #bringHome(pid: number): boolean {
    const stat = readStat(pid);
    if (!stat || hasEnded(stat) || this.#isOurs(stat.session)) return false;
    const key =
      this.#joining.get(stat.session) ?? this.keyOf(stat.parent) ?? recogniseAgent(pid, this.#files);
    const main = key === null ? null : this.mainOf(key);
    if (main && stat.startTicks >= main.startTicks) this.#move(pid, key!);
    else killIf(pid, () => this.#unattached().includes(pid));
    return true;
  }

  /** Agents get a session of their own before they run, and no process can join one that exists (setsid(2)). */
  #isOurs(session: number): boolean {
    return this.#helpers.has(session) || session === this.#session;
  }

  exempt(pid: number): { done: () => void } {
    this.#helpers.add(pid);
    return { done: () => this.#helpers.delete(pid) };
  }

  /** It is in its leaf already. */
  adopt(): void {}

  /** The kernel is told a pid, which may be another's by then: what is not the process that was meant goes out again. */
  take(key: string, { pid, startTicks }: ProcessId): boolean {
    this.#move(pid, key);
    if (readStat(pid)?.startTicks === startTicks) return this.#leafOf(pid) === key;
    if (membersOf(`${this.#root}/${key}`).includes(pid))
      writeFileSync(`${this.#top}/cgroup.procs`, String(pid));
    return false;
  }

  /** Zombies do not count. What one that ended before its move has left is ended here. */
  isPopulated(key: string): boolean {
    if (this.#joining.size > 0 && [...this.#joining.values()].includes(key)) this.#gather();
    return readProcText(`${this.#root}/${key}/cgroup.events`)?.includes('populated 1') ?? false;
  }

  /** By cgroup.kill (Linux 5.14); before that one by one, which the caller repeats until nothing is left. */
  kill(key: string): void {
    try {
      writeFileSync(`${this.#root}/${key}/cgroup.kill`, '1');
    } catch (error) {
      if (!isGone(error)) throw error;
      for (const pid of membersOf(`${this.#root}/${key}`)) killIf(pid, () => this.keyOf(pid) === key);
    }
  }

  keyOf(pid: number): string | null {
    return (
      this.#joining.get(pid) ?? this.#leafOf(pid) ?? this.#joining.get(readStat(pid)?.session ?? 0) ?? null
    );
  }

  #leafOf(pid: number): string | null {
    const path = parseCgroupPath(readProcText(`/proc/${pid}/cgroup`) ?? '');
    const name = this.#root.slice(this.#root.lastIndexOf('/'));
    const at = path?.indexOf(`${name}/`) ?? -1;
    const key = at < 0 ? [] : path!.slice(at + name.length + 1).split('/');
    return key.length < 2 ? null : `${key[0]}/${key[1]}`;
  }

  census(noted: (pid: number) => string | null): Map<string, number[]> {
    for (const pid of this.#unattached()) {
      const stat = readStat(pid);
      if (stat && this.#isOurs(stat.session)) continue;
      const key = noted(pid) ?? noted(stat?.session ?? 0) ?? noted(stat?.parent ?? 0);
      if (key === null) killIf(pid, () => this.#unattached().includes(pid));
      else this.#move(pid, key);
    }
    const members = this.#leaves().map((key) => [key, membersOf(`${this.#root}/${key}`)] as const);
    this.leave(members.filter(([, pids]) => pids.length === 0).map(([key]) => key));
    return new Map(members.filter(([, pids]) => pids.length > 0));
  }

  leave(keys: readonly string[]): void {
    for (const key of keys) {
      tryRemove(`${this.#root}/${key}`);
      this.#resources.forget(key);
    }
    for (const fleet of new Set(keys.map(fleetOf))) {
      if (!this.#resources.has(fleet)) tryRemove(`${this.#root}/${fleet}`);
    }
  }

  limit(fleet: string, resources: Resources | null, agents: number): void {
    this.#resources.set(fleet, resources, agents);
    if (!this.#resources.has(fleet)) tryRemove(`${this.#root}/${fleet}`);
  }

  unenforced(fleet: string): string | null {
    return this.#resources.problem(fleet);
  }

  oomSince(key: string): ExitCause | null {
    return this.#resources.oomSince(key);
  }

  /** Goes back to where we came from and takes the tree down, as far as no agent lives in it. */
  close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#lateLook);
    for (const [pid, key] of this.#joining) if (!this.#reaped.has(pid)) this.#move(pid, key);
    this.leave(this.#leaves());
    for (const fleet of this.#fleets()) tryRemove(`${this.#root}/${fleet}`);
    if (this.#origin !== null && this.#returnTo(this.#origin)) tryRemove(this.#own);
    tryRemove(this.#root);
  }

  /** @returns false where the cgroup that we came from is gone: ours stays, empty, for the next supervisor */
  #returnTo(origin: string): boolean {
    try {
      writeFileSync(`${origin}/cgroup.procs`, String(process.pid));
      return true;
    } catch {
      return false;
    }
  }

  /** The keys of all leaves that there are. */
  #leaves(): string[] {
    return this.#fleets().flatMap((fleet) =>
      childrenOf(`${this.#root}/${fleet}`).map((slot) => `${fleet}/${slot}`),
    );
  }

  #fleets(): string[] {
    return childrenOf(this.#root).filter((name) => name !== OWN_LEAF);
  }

  /** The processes in our own cgroup beside this one. */
  #unattached(): number[] {
    return membersOf(this.#own).filter((pid) => pid !== process.pid);
  }
}

/** One that has ended meanwhile, or whose slot was taken away after that, needs no place. */
function unlessGone(error: unknown): void {
  if (!isGone(error)) throw error;
}
