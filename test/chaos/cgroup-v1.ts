import { accessSync, constants, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { until } from '../e2e/harness.ts';

let made = 0;

/** A cgroup of a v1 hierarchy, which binds a process whatever v2 leaf it lives in. */
export class CgroupV1 {
  readonly #root: string;
  readonly #path: string;

  /** @param controller `pids` or `memory` */
  constructor(controller: string) {
    this.#root = `/sys/fs/cgroup/${controller}`;
    this.#path = `${this.#root}/fleet-chaos-${process.pid}-${made++}`;
    mkdirSync(this.#path);
  }

  /** Whether this host has the controller, for us. */
  static exists(controller: string): boolean {
    try {
      accessSync(`/sys/fs/cgroup/${controller}/cgroup.procs`, constants.W_OK);
      return true;
    } catch {
      return false;
    }
  }

  add(pid: number): void {
    writeFileSync(`${this.#path}/cgroup.procs`, String(pid));
  }

  read(file: string): string {
    return readFileSync(`${this.#path}/${file}`, 'utf8').trim();
  }

  write(file: string, value: string): void {
    writeFileSync(`${this.#path}/${file}`, value);
  }

  /** Sends all that is in it back to where it came from, what is forked meanwhile included, and takes it away. */
  async remove(): Promise<void> {
    await until(() => {
      for (const pid of this.read('cgroup.procs').split('\n').filter(Boolean)) this.#release(pid);
      return this.#tryRemove();
    });
  }

  #release(pid: string): void {
    try {
      writeFileSync(`${this.#root}/cgroup.procs`, pid);
    } catch {} // It has ended meanwhile.
  }

  #tryRemove(): boolean {
    try {
      rmdirSync(this.#path);
      return true;
    } catch {
      return false;
    }
  }
}
