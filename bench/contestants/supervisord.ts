import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from '../commands.ts';
import { agentArgs } from '../place.ts';
import { type Command, Contestant, fromDebian } from './contestant.ts';

/**
 * supervisord. Each agent costs it two descriptors with stderr redirected; it polls, so more than 1,024 are fine, and
 * the limit is raised by whoever starts it: with `minfds` it would close as many in every child before exec, which
 * makes it three times slower.
 */
export class Supervisord extends Contestant {
  readonly name = 'supervisord';
  override readonly canTakeOver = true;
  override readonly tools = [{ program: 'supervisord', get: fromDebian('supervisor') }];

  async version(): Promise<string> {
    return (await this.output('supervisord', '--version')).trim();
  }

  override async prepare(): Promise<void> {
    const { agents, portBase, busybox, directory } = this.place;
    writeFileSync(
      this.#config,
      `[supervisord]
logfile=/dev/null
logfile_maxbytes=0
loglevel=critical
pidfile=${directory}/pid
childlogdir=${directory}
[unix_http_server]
file=${directory}/socket
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${directory}/socket
[program:httpd]
command=${[busybox, ...agentArgs('%(process_num)d')].join(' ')}
process_name=httpd_%(process_num)d
numprocs=${agents}
numprocs_start=${portBase}
autorestart=true
redirect_stderr=true
stdout_logfile=NONE
`,
    );
  }

  async start(): Promise<void> {
    await this.startSupervisor();
  }

  async stop(): Promise<void> {
    for (const pid of this.supervisors()) process.kill(pid, 'SIGTERM');
  }

  override status(): Command {
    return ['supervisorctl', '-c', this.#config, 'status'];
  }

  override async knownAgents(): Promise<Set<number>> {
    // It exits with 3 where some program does not run.
    const text = await this.output('sh', '-c', `${this.status().join(' ')} || [ $? = 3 ]`);
    return new Set([...text.matchAll(/RUNNING\s+pid (\d+)/g)].map(([, pid]) => Number(pid)));
  }

  override supervisors(): number[] {
    return [Number(readFileSync(join(this.place.directory, 'pid'), 'utf8'))];
  }

  override async startSupervisor(): Promise<void> {
    await launch(this.place, 'supervisord', ['--nodaemon', '-c', this.#config]);
  }

  get #config(): string {
    return join(this.place.directory, 'supervisord.conf');
  }
}
