import pLimit from 'p-limit';
import { runOf } from '../../fleet/agent.ts';
import { decideReloadProgress } from '../../fleet/decide/reload.ts';
import { describeExit } from '../../fleet/exit.ts';
import { parseNotification } from '../../fleet/notification.ts';
import { isUnderWay, type Outcome } from '../../fleet/reload/record.ts';
import { Reloading, reloadOf } from '../../fleet/reload/reloading.ts';
import type { Trial } from '../../fleet/reload/trial.ts';
import type { Spec } from '../../specification/spec.ts';
import type { FleetContext, FleetWatch } from '../fleet/context.ts';
import { accountFor, helperLaunch, launchWorldWithSecrets } from '../fleet/launch.ts';
import { Output } from '../fleet/output.ts';
import type { CheckedAgent, Problem } from '../shared/checks.ts';
import { after } from '../shared/timers.ts';
import { checkAgents, checkedAgents } from './check-agents.ts';

/** The interval at which a batch is checked and judged. */
const LOOK_MS = 250;
/** The number of reload.exec that run at a time. */
const EXEC_CONCURRENCY = 8;

/** Carries out reloads, as `Reloading` decides. */
export class Reloads implements FleetWatch {
  readonly #context: FleetContext;
  readonly #exec = pLimit(EXEC_CONCURRENCY);
  #reloading: Reloading | null = null;
  /** Ends the `reload.exec` of a slot. */
  readonly #commands = new Map<number, AbortController>();

  constructor(context: FleetContext) {
    this.#context = context;
  }

  /** One that a former supervisor has begun is continued. */
  start(): void {
    this.committed();
  }

  committed(): void {
    const { fleet, services, signal } = this.#context;
    const { reload } = fleet.record;
    if (this.#reloading || !isUnderWay(reload)) return;
    this.#reloading = new Reloading(reload, services.host.now());
    after(0, signal, () => void this.#step());
  }

  exited(slot: number): void {
    this.#reloading?.trial(slot)?.exited(this.#context.fleet.slot(slot).agent);
  }

  notified(slot: number, text: string): void {
    this.#reloading?.trial(slot)?.notified(parseNotification(text));
  }

  /** An unexpected failure says nothing about the agents: what it was to do is repeated. */
  async #step(): Promise<void> {
    const { signal, services } = this.#context;
    const reloading = this.#reloading!;
    try {
      await this.#check(reloading);
      if (!signal.aborted) this.#turn(reloading);
    } catch (error) {
      services.log.error({ error: (error as Error).message }, 'cannot check agents that are reloaded');
    }
    if (this.#reloading === reloading) after(LOOK_MS, signal, () => void this.#step());
  }

  async #check(reloading: Reloading): Promise<void> {
    const { checks, host } = this.#context.services;
    const agents = checkedAgents(this.#context, reloading.toBeChecked);
    const check = ({ ready }: Spec, alike: readonly CheckedAgent[]) => checks.reloaded(ready, alike);
    await checkAgents(this.#context, agents, check, ({ slot }, problem) =>
      reloading.trial(slot)?.checked(problem, host.now()),
    );
  }

  #turn(reloading: Reloading): void {
    const context = this.#context;
    const { fleet, services } = context;
    const { begin, found } = reloading.turn(fleet, services.host.now());
    for (const [slot, outcome] of found) {
      this.#commands.get(slot)?.abort();
      this.#report(slot, outcome);
    }
    const { record } = reloading;
    const isOver = !isUnderWay(record);
    if (isOver) this.#reloading = null;
    if (record !== fleet.record.reload) {
      const sample =
        record.failed.map(({ slot }) => context.watch(Output).sample(slot)).find(Boolean) ?? null;
      context.commit(decideReloadProgress(fleet, record, sample));
      // The fleet has a copy of it, with the sample.
      reloading.record = fleet.record.reload!;
    }
    for (const trial of begin) void this.#reload(trial);
  }

  #report(slot: number, outcome: Outcome): void {
    const { name, services } = this.#context;
    const { journal, observer } = services;
    observer.reloaded(name, outcome.is);
    const why = 'reason' in outcome ? `: ${outcome.reason}` : '';
    journal.slot('reload', name, slot, `${outcome.is}${why}`);
  }

  async #reload(trial: Trial): Promise<void> {
    let problem: Problem;
    try {
      problem = await this.#act(trial);
    } catch (error) {
      problem = (error as Error).message;
    }
    trial.acted(problem);
  }

  /** @returns why it cannot be reloaded */
  async #act(trial: Trial): Promise<Problem> {
    const context = this.#context;
    const { fleet, services } = context;
    const { host, checks } = services;
    const { slot } = trial;
    const reload = reloadOf(fleet, slot);
    if (reload !== null && 'exec' in reload) return this.#exec(() => this.#execute(trial, reload.exec));
    trial.begun(host.now());
    const [agent] = checkedAgents(context, [slot]);
    if (!agent || reload === null) return 'it has ended';
    const { timeoutMs } = fleet.specOf(agent.release).ready;
    if ('http' in reload) return checks.post(agent, reload.http, timeoutMs);
    return host.processes.signal(agent.key, reload.signal) ? null : 'it has ended';
  }

  async #execute(trial: Trial, argv: readonly string[]): Promise<Problem> {
    const context = this.#context;
    const { fleet, services, signal } = context;
    const { processes } = services.host;
    const { slot } = trial;
    trial.begun(services.host.now());
    const agent = fleet.slots.get(slot)?.agent;
    const run = agent && runOf(agent);
    if (!run) return 'it has ended';
    const ending = new AbortController();
    this.#commands.set(slot, ending);
    try {
      const world = await launchWorldWithSecrets(context, slot, run.release);
      const account = accountFor(processes.users, world.spec.user, slot);
      const output = context.watch(Output).ofErrand(slot);
      const launch = helperLaunch(world, { argv, where: 'reload.exec', output, mainPid: run.pid }, account);
      const { timeoutMs } = world.spec.ready;
      const end = await processes.run(launch, timeoutMs, AbortSignal.any([signal, ending.signal]));
      if (end === null) return `reload.exec took more than ${timeoutMs / 1000} s`;
      return end.code === 0 ? null : `reload.exec: ${describeExit(end)}`;
    } finally {
      if (this.#commands.get(slot) === ending) this.#commands.delete(slot);
    }
  }
}
