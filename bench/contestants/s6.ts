import { join } from 'node:path';
import { findProgram, launch } from '../commands.ts';
import { agentArgs } from '../place.ts';
import { type Command, Contestant, debianVersion, fromDebian } from './contestant.ts';
import { writeServices } from './service-directories.ts';

/** s6-svscan takes 500 services unless -c says more; an s6-supervise looks after each. */
export class S6 extends Contestant {
  readonly name = 's6';
  override readonly canTakeOver = true;
  override readonly tools = [
    { program: 's6-svscan', get: fromDebian('s6') },
    { program: 'execlineb', get: fromDebian('execline') },
  ];
  #pid = 0;

  version(): Promise<string> {
    return debianVersion(this.place, 's6');
  }

  override async prepare(): Promise<void> {
    const execlineb = await findProgram('execlineb');
    writeServices(
      this.place,
      () => this.#scan,
      (port) => `#!${execlineb} -P\n${[this.place.busybox, ...agentArgs(port)].join(' ')}\n`,
    );
  }

  async start(): Promise<void> {
    await this.startSupervisor();
  }

  async stop(): Promise<void> {
    await this.output('s6-svscanctl', '-t', this.#scan);
  }

  /** There is no command for all services at once. */
  override status(): Command {
    return ['sh', '-c', `for service in ${this.#scan}/*; do s6-svstat "$service"; done`];
  }

  override async knownAgents(): Promise<Set<number>> {
    const text = await this.output(...this.status());
    return new Set([...text.matchAll(/^up \(pid (\d+)/gm)].map(([, pid]) => Number(pid)));
  }

  override supervisors(): number[] {
    return [this.#pid];
  }

  override async startSupervisor(): Promise<void> {
    const args = ['-c', `${this.place.agents}`, '-t', '0', this.#scan];
    this.#pid = await launch(this.place, 's6-svscan', args);
  }

  get #scan(): string {
    return join(this.place.directory, 'scan');
  }
}
