import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Call } from './trace.ts';

/** One change of a disk that a power cut may take back as long as nothing has made it durable. */
type Change =
  | { kind: 'data'; file: number; at: number; data: Buffer }
  | { kind: 'size'; file: number; size: number }
  | { kind: 'enter'; directory: string; name: string; file: number }
  | { kind: 'mkdir'; directory: string; name: string }
  | { kind: 'leave'; directory: string; name: string }
  | { kind: 'move'; directory: string; name: string; to: string };

interface Issued {
  change: Change;
  /** Index of the call that it came from. */
  at: number;
  /** Index of the call that made it durable. */
  durableAt: number;
}

/** What a power cut left: the changes that reached the disk, in the order in which they were made. */
export interface CrashState {
  /** Index of the last call before the cut. */
  at: number;
  /** In words, for whom a failure is shown. */
  what: string;
  changes: readonly Change[];
}

/**
 * The changes that recorded calls make below one directory, and which of them a power cut after each call may lose. A
 * write to a file is durable after fsync of the file; a name (made, removed, renamed) only after fsync of its
 * directory (fsync(2)). What is not durable may be lost alone, or be all that is kept, and the last write may be torn.
 */
export class Disk {
  readonly #calls: readonly Call[];
  readonly #issued: Issued[] = [];
  readonly #names = new Map<string, number>();
  readonly #sizes = new Map<number, number>();
  #files = 0;

  /** @param root what lies elsewhere is not looked at; it is there, and durable, from the beginning */
  constructor(root: string, calls: readonly Call[]) {
    this.#calls = calls;
    const within = (path: string) => path.startsWith(`${root}/`);
    for (const [at, call] of calls.entries())
      if (call.kind !== 'ack' && (within(call.path) || call.path === root)) this.#add(at, call);
  }

  /** Indexes of the calls that told somebody of an accepted change. */
  get acks(): number[] {
    return [...this.#calls.entries()].filter(([, { kind }]) => kind === 'ack').map(([at]) => at);
  }

  /** Indexes of the calls that changed something, or made it durable. */
  get moments(): number[] {
    return [...new Set(this.#issued.flatMap(({ at, durableAt }) => [at, durableAt]))]
      .filter(Number.isFinite)
      .sort((a, b) => a - b);
  }

  /** All that was written until then, as where only the supervisor was killed. */
  whole(at: number): CrashState {
    return { at, what: 'nothing lost', changes: this.#until(at).map(({ change }) => change) };
  }

  /**
   * Every state in which a cut right after a call may leave the disk, as far as told apart: nothing lost, all lost that
   * was not durable, only names or only content lost, each change lost alone, each kept alone, the last write torn.
   */
  *statesAfter(at: number): Generator<CrashState> {
    const issued = this.#until(at);
    const pending = issued.filter(({ durableAt }) => durableAt > at);
    const keep = (what: string, isKept: (one: Issued) => boolean): CrashState => ({
      at,
      what,
      changes: issued.filter((one) => one.durableAt <= at || isKept(one)).map(({ change }) => change),
    });
    yield this.whole(at);
    if (pending.length === 0) return;
    yield keep('all lost that was not durable', () => false);
    yield keep('content lost', ({ change }) => !isContent(change));
    yield keep('names lost', ({ change }) => isContent(change));
    for (const one of pending) {
      yield keep(`lost: ${describe(one.change)}`, (other) => other !== one);
      yield keep(`kept alone: ${describe(one.change)}`, (other) => other === one);
    }
    yield* this.#torn(at, issued);
  }

  *#torn(at: number, issued: readonly Issued[]): Generator<CrashState> {
    const last = issued.at(-1);
    if (last?.change.kind !== 'data' || last.durableAt <= at) return;
    const { data } = last.change;
    const before = issued.slice(0, -1).map(({ change }) => change);
    for (const length of new Set([1, 512, Math.floor(data.length / 2), data.length - 1])) {
      if (length < 1 || length >= data.length) continue;
      const torn = { ...last.change, data: data.subarray(0, length) };
      yield { at, what: `torn after ${length} bytes: ${describe(last.change)}`, changes: [...before, torn] };
    }
  }

  #until(at: number): Issued[] {
    return this.#issued.filter((one) => one.at <= at);
  }

  #add(at: number, call: Exclude<Call, { kind: 'ack' }>): void {
    const issue = (change: Change) => this.#issued.push({ change, at, durableAt: Number.POSITIVE_INFINITY });
    const { path } = call;
    const place = { directory: dirname(path), name: path };
    const file = this.#names.get(path);
    switch (call.kind) {
      case 'open':
        if (file === undefined && call.creates) {
          this.#names.set(path, ++this.#files);
          this.#sizes.set(this.#files, 0);
          issue({ kind: 'enter', ...place, file: this.#files });
        } else if (file !== undefined && call.truncates) this.#resize(file, 0, issue);
        return;
      case 'write': {
        if (file === undefined) return;
        const start = call.at ?? this.#sizes.get(file)!;
        this.#sizes.set(file, Math.max(this.#sizes.get(file)!, start + call.data.length));
        issue({ kind: 'data', file, at: start, data: call.data });
        return;
      }
      case 'truncate':
        if (file !== undefined) this.#resize(file, call.size, issue);
        return;
      case 'sync':
        this.#sync(at, path, file);
        return;
      case 'rename':
        if (file !== undefined) this.#names.set(call.to, file);
        this.#names.delete(path);
        issue({ kind: 'move', ...place, to: call.to });
        return;
      case 'unlink':
        this.#names.delete(path);
        issue({ kind: 'leave', ...place });
        return;
      case 'mkdir':
        issue({ kind: 'mkdir', ...place });
    }
  }

  #resize(file: number, size: number, issue: (change: Change) => void): void {
    this.#sizes.set(file, size);
    issue({ kind: 'size', file, size });
  }

  #sync(at: number, path: string, file: number | undefined): void {
    for (const one of this.#issued) {
      const { change } = one;
      const isMeant = isContent(change) ? change.file === file : change.directory === path;
      if (isMeant) one.durableAt = Math.min(one.durableAt, at);
    }
  }
}

function isContent(change: Change): change is Extract<Change, { kind: 'data' | 'size' }> {
  return change.kind === 'data' || change.kind === 'size';
}

function describe(change: Change): string {
  switch (change.kind) {
    case 'data':
      return `${change.data.length} bytes at ${change.at} of file ${change.file}`;
    case 'size':
      return `size ${change.size} of file ${change.file}`;
    case 'move':
      return `${change.name} → ${change.to}`;
    default:
      return `${change.kind} ${change.name}`;
  }
}

/**
 * Builds a state below `target` as the disk had it below `root`. What has lost its name, or a directory on the way to
 * it, is not there.
 */
export function materialise(state: CrashState, root: string, target: string): void {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const { files, directories } = namesIn(state, root);
  const named = Map.groupBy(files, ([, file]) => file);
  for (const directory of directories) mkdirSync(target + directory.slice(root.length), { recursive: true });
  const fds = new Map<number, number>();
  for (const [file, [entry]] of named) fds.set(file, openSync(target + entry![0].slice(root.length), 'w'));
  for (const change of state.changes) {
    if (!isContent(change)) continue;
    const fd = fds.get(change.file);
    if (fd === undefined) continue;
    if (change.kind === 'data') writeSync(fd, change.data, 0, change.data.length, change.at);
    else ftruncateSync(fd, change.size);
  }
  for (const fd of fds.values()) closeSync(fd);
}

/** The files and directories that can be reached, parents first. */
function namesIn(
  { changes }: CrashState,
  root: string,
): { files: Map<string, number>; directories: Set<string> } {
  const entered = new Map<string, number | null>();
  for (const change of changes) {
    if (isContent(change)) continue;
    const moved = entered.get(change.name);
    if (change.kind === 'enter') entered.set(change.name, change.file);
    else if (change.kind === 'mkdir') entered.set(change.name, null);
    else entered.delete(change.name);
    if (change.kind === 'move' && moved !== undefined) entered.set(change.to, moved);
  }
  const directories = new Set([root]);
  const files = new Map<string, number>();
  for (const [name, file] of [...entered].sort(([a], [b]) => a.length - b.length)) {
    if (!directories.has(dirname(name))) continue;
    if (file === null) directories.add(name);
    else files.set(name, file);
  }
  return { files, directories };
}
