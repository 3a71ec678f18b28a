import type { Containment, Errand, SlotFiles } from '../cgroup/containment.ts';
import { controllersFor, describeUnenforced, type Resources } from '../cgroup/limits.ts';
import { listPids } from '../proc/pid.ts';
import { hasEnded, readStat, type Stat } from '../proc/stat.ts';
import { killIf } from '../sys/pidfd.ts';
import { isErrand, recogniseAgent } from './recognise.ts';

/** The time for which one scan of /proc is reused. */
const SCAN_FRESH_MS = 20;
const NO_TREE = 'the supervisor cannot write a cgroup v2 tree (root can, or a user with a delegated one)';

/**
 * Containment without cgroups, for users without a delegated tree: every agent leads a session, its forks belong to it,
 * and after a crash of the supervisor a session leader is recognised by the log file that it writes to. What leaves the
 * session escapes; that is the limit of this mode.
 */
export class Sessions implements Containment {
  readonly kind = 'session';
  readonly #files: SlotFiles;
  readonly #leaders = new Map<string, number>();
  readonly #keys = new Map<number, string>();
  onProblem: Containment['onProblem'] = () => {};
  /** The result of the census for each slot. */
  readonly #found = new Map<string, Stat[]>();
  /** What is not enforced, by fleet. */
  readonly #unenforced = new Map<string, string>();
  #members = new Map<number, number[]>();
  #scannedAt = Number.NEGATIVE_INFINITY;

  constructor(files: SlotFiles) {
    this.#files = files;
  }

  /** Nothing to do: the session contains an agent, from its first moment. */
  place(): undefined {
    return undefined;
  }

  /** Nothing to do: there is no cgroup. */
  renew(): void {}

  /** Nothing to do: the launcher leads a session of its own, and is no slot's. */
  house(): void {}

  hasArrived(): boolean {
    return true;
  }

  /** It leads a group of its own, whose number cannot be reused until it is reaped. */
  errand(): Errand {
    return { cgroup: undefined, kill: (pid) => process.kill(-pid, 'SIGKILL'), done: () => {} };
  }

  isErrand(pid: number): boolean {
    return isErrand(pid);
  }

  reattach(key: string, pid: number): void {
    this.#forget(key);
    this.#leaders.set(key, pid);
    this.#keys.set(pid, key);
  }

  /** A process that others started shares its session with other processes, so nothing here could hold it. */
  take(): boolean {
    return false;
  }

  isPopulated(key: string): boolean {
    return this.#membersOf(key).length + this.#remnantsOf(key).length > 0;
  }

  members(key: string): number[] {
    const leader = this.#leaders.get(key);
    this.#scannedAt = Number.NEGATIVE_INFINITY;
    this.#scan();
    const members = leader === undefined ? [] : (this.#members.get(leader) ?? []);
    return [...new Set([...members, ...this.#remnantsOf(key).map(({ pid }) => pid)])];
  }

  kill(key: string): void {
    const leader = this.#leaders.get(key);
    for (const pid of this.#membersOf(key)) killIf(pid, () => readStat(pid)?.session === leader);
    for (const { pid, startTicks } of this.#remnantsOf(key)) {
      killIf(pid, () => readStat(pid)?.startTicks === startTicks);
    }
  }

  /**
   * Ends its group at once (kill(2)), because scans of /proc miss processes that fork and end faster than a scan. If nothing
   * of the group may be signalled, the scans must suffice.
   */
  ended(pid: number): void {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {}
  }

  keyOf(pid: number): string | null {
    return this.#keys.get(readStat(pid)?.session ?? 0) ?? null;
  }

  /** Leaders, and what a former leader has left. */
  census(): Map<string, number[]> {
    const found = new Map<string, number[]>();
    for (const pid of listPids()) {
      const stat = readStat(pid);
      if (!stat || hasEnded(stat) || (stat.session !== pid && isLiving(stat.session))) continue;
      const key = recogniseAgent(pid, this.#files);
      if (key === null) continue;
      found.set(key, [...(found.get(key) ?? []), pid]);
      this.#found.set(key, [...(this.#found.get(key) ?? []), stat]);
    }
    return found;
  }

  leave(keys: readonly string[]): void {
    for (const key of keys) this.#forget(key);
  }

  limit(fleet: string, resources: Resources | null): void {
    const controllers = controllersFor(resources);
    if (controllers.length === 0) this.#unenforced.delete(fleet);
    else this.#unenforced.set(fleet, describeUnenforced(controllers, NO_TREE));
  }

  unenforced(fleet: string): string | null {
    return this.#unenforced.get(fleet) ?? null;
  }

  oomSince(): null {
    return null;
  }

  close(): void {}

  /** The processes that the census found in a slot besides its agent, and that still live. */
  #remnantsOf(key: string): Stat[] {
    const left = (this.#found.get(key) ?? []).filter(({ pid, startTicks }) => {
      const stat = readStat(pid);
      return pid !== this.#leaders.get(key) && stat?.startTicks === startTicks && !hasEnded(stat);
    });
    if (left.length === 0) this.#found.delete(key);
    return left;
  }

  /** If the leader's pid is reused, the session has no members of ours left. */
  #membersOf(key: string): number[] {
    const leader = this.#leaders.get(key);
    if (leader === undefined) return [];
    this.#scan();
    // A scan from before the leader's end shows nothing of what it left.
    if (this.#members.get(leader)?.includes(leader)) {
      this.#scannedAt = Number.NEGATIVE_INFINITY;
      this.#scan();
    }
    const members = this.#members.get(leader) ?? [];
    return members.includes(leader) ? [] : members;
  }

  #scan(): void {
    const now = performance.now();
    if (now - this.#scannedAt < SCAN_FRESH_MS) return;
    this.#members = new Map();
    for (const pid of listPids()) {
      const stat = readStat(pid);
      if (!stat || hasEnded(stat) || !this.#keys.has(stat.session)) continue;
      const members = this.#members.get(stat.session);
      if (members) members.push(pid);
      else this.#members.set(stat.session, [pid]);
    }
    this.#scannedAt = performance.now();
  }

  #forget(key: string): void {
    const leader = this.#leaders.get(key);
    if (leader !== undefined) this.#keys.delete(leader);
    this.#leaders.delete(key);
  }
}

/** A zombie has ended. */
function isLiving(pid: number): boolean {
  return !hasEnded(readStat(pid));
}
