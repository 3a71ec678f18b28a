import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from '../commands.ts';
import { agentArgs } from '../place.ts';
import { Contestant, debianVersion } from './contestant.ts';

/** What is written where there is no supervisor: a subshell for each agent that starts it again whenever it ends. */
export class Shell extends Contestant {
  readonly name = 'shell loop';
  #pid = 0;

  async version(): Promise<string> {
    return `dash ${await debianVersion(this.place, 'dash')}`;
  }

  override async prepare(): Promise<void> {
    const { portBase, agents, busybox } = this.place;
    const agent = [busybox, ...agentArgs('$port')].join(' ');
    writeFileSync(
      this.#script,
      `port=${portBase}
while [ $port -lt ${portBase + agents} ]; do
  while :; do ${agent}; done &
  port=$((port + 1))
done
wait
`,
    );
  }

  async start(): Promise<void> {
    this.#pid = await launch(this.place, '/bin/sh', [this.#script]);
  }

  /** The shell leads the group of all that it started. */
  async stop(): Promise<void> {
    process.kill(-this.#pid, 'SIGTERM');
  }

  get #script(): string {
    return join(this.place.directory, 'loop.sh');
  }
}
