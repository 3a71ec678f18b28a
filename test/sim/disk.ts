/** A file or a directory of the imaginary disk. */
export interface Entry {
  /** `device:inode`; null for a directory. */
  id: string | null;
  /** What is in it, as far as anybody looks. */
  text: string;
  sizeBytes: number;
  isExecutable: boolean;
  /** It would survive a power cut. */
  isDurable: boolean;
}

/** Programs and other files that are there from the beginning, with their content. */
const FIRST = { '/bin/true': 'true', '/bin/sleep': 'sleep' } as const;

/** An imaginary disk: it outlives supervisors, and what was synced on it outlives power cuts. */
export class Disk {
  readonly #entries = new Map<string, Entry>();
  #inodes = 0;

  constructor() {
    for (const [path, text] of Object.entries(FIRST)) this.install(path, text);
  }

  at(path: string): Entry | null {
    return this.#entries.get(path) ?? null;
  }

  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /** Puts a program in place, as a user's build does: another file of the same name. */
  install(path: string, text: string): void {
    const file = { text, sizeBytes: text.length, isExecutable: true, isDurable: true };
    this.#entries.set(path, { ...file, id: `1:${++this.#inodes}` });
  }

  /** Makes a file, or puts another one in its place. */
  write(path: string, text: string, { isExecutable = false, isDurable = false } = {}): Entry {
    const entry = { id: `1:${++this.#inodes}`, text, sizeBytes: text.length, isExecutable, isDurable };
    this.#entries.set(path, entry);
    return entry;
  }

  /** What an agent writes to its log. */
  append(path: string, text: string, sizeBytes: number): void {
    const entry = this.at(path) ?? this.write(path, '');
    entry.text = (entry.text + text).slice(-1_000);
    entry.sizeBytes += sizeBytes;
  }

  makeDirectory(path: string): void {
    if (this.has(path)) return;
    const directory = { id: null, text: '', sizeBytes: 0, isExecutable: false, isDurable: false };
    this.#entries.set(path, directory);
  }

  /** Makes what is at a path, or below it, survive power cuts. */
  sync(path: string): void {
    for (const [, entry] of this.#below(path)) entry.isDurable = true;
  }

  rename(from: string, to: string): void {
    for (const [path, entry] of this.#below(from)) {
      this.#entries.delete(path);
      this.#entries.set(to + path.slice(from.length), entry);
    }
  }

  remove(path: string): void {
    for (const [each] of this.#below(path)) this.#entries.delete(each);
  }

  /** Whether anything is at a path or below it. */
  hasBelow(path: string): boolean {
    return this.#below(path).length > 0;
  }

  /** The names of what is right below a path. */
  list(path: string): string[] {
    const names = this.#below(path).flatMap(([each]) => each.slice(path.length + 1).split('/')[0] || []);
    return [...new Set(names)];
  }

  /** The power goes: what was not synced is gone. */
  cutPower(): void {
    for (const [path, { isDurable }] of this.#entries) if (!isDurable) this.#entries.delete(path);
  }

  #below(path: string): [string, Entry][] {
    return [...this.#entries].filter(([each]) => each === path || each.startsWith(`${path}/`));
  }
}
