import { join } from 'node:path';
import { launch } from '../commands.ts';
import { agentArgs } from '../place.ts';
import { isAlive } from '../processes.ts';
import { type Command, Contestant, debianVersion, fromDebian } from './contestant.ts';
import { writeServices } from './service-directories.ts';

/** A runsvdir takes 1,000 services, as compiled in (MAXSERVICES in runsvdir.c): more agents get more of them. */
const SERVICES_MAX = 1_000;

/** runit: a runsv looks after each agent. */
export class Runit extends Contestant {
  readonly name = 'runit';
  override readonly canTakeOver = true;
  override readonly tools = [{ program: 'runsvdir', get: fromDebian('runit') }];
  #pids: number[] = [];

  version(): Promise<string> {
    return debianVersion(this.place, 'runit');
  }

  override async prepare(): Promise<void> {
    writeServices(
      this.place,
      (index) => this.#scan(Math.floor(index / SERVICES_MAX)),
      (port) => `#!/bin/sh\nexec ${[this.place.busybox, ...agentArgs(port)].join(' ')}\n`,
    );
  }

  async start(): Promise<void> {
    await this.startSupervisor();
  }

  /** On SIGHUP a runsvdir tells each runsv to stop its service and exit. */
  async stop(): Promise<void> {
    for (const pid of this.#pids.filter(isAlive)) process.kill(pid, 'SIGHUP');
  }

  override status(): Command {
    return ['sh', '-c', `sv status ${this.place.directory}/scan*/*`];
  }

  override async knownAgents(): Promise<Set<number>> {
    // It exits with the number of services of which it knows nothing.
    const text = await this.output('sh', '-c', `sv status ${this.place.directory}/scan*/* || :`);
    return new Set([...text.matchAll(/^run: .*?: \(pid (\d+)\)/gm)].map(([, pid]) => Number(pid)));
  }

  override supervisors(): number[] {
    return this.#pids;
  }

  override async startSupervisor(): Promise<void> {
    const count = Math.ceil(this.place.agents / SERVICES_MAX);
    const scans = Array.from({ length: count }, (_, index) => this.#scan(index));
    this.#pids = await Promise.all(scans.map((scan) => launch(this.place, 'runsvdir', ['-P', scan])));
  }

  #scan(index: number): string {
    return join(this.place.directory, `scan${index}`);
  }
}
