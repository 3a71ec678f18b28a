import { CONTESTANTS, type ContestantKey } from './contestants/all.ts';
import type { Contestant } from './contestants/contestant.ts';
import { readListeners } from './listeners.ts';
import { describeMachine } from './machine.ts';
import type { Heat, Options } from './options.ts';
import type { Place } from './place.ts';
import type { Results } from './results.ts';
import { type Report, runLife, runSmallLife, runTakeover, type Say } from './round.ts';
import type { Stage } from './stage.ts';
import { untilTrue } from './waiting.ts';

/** A process that was killed has no environment any more, by which it is known, but its port for a moment still. */
const PORTS_FREE_MS = 10_000;

/** Takes all contestants through all rounds. One that fails is noted with its error, and the others go on. */
export class Bench {
  readonly results: Results;
  readonly #stage: Stage;
  readonly #options: Options;
  #life = 0;

  constructor(stage: Stage, options: Options, command: string) {
    this.#stage = stage;
    this.#options = options;
    this.results = {
      machine: describeMachine(),
      command,
      begun: new Date().toISOString(),
      entries: [],
      samples: [],
      failures: [],
    };
  }

  /** @throws before anything is started where some of the ports are in use */
  async run(): Promise<void> {
    const agents = Math.max(...this.#options.heats.map((heat) => heat.agents));
    refuseTakenPorts({ portBase: this.#options.portBase, agents });
    const keys = new Set(this.#options.heats.flatMap(({ contestants }) => contestants));
    const present = new Set<ContestantKey>();
    for (const key of keys) if (await this.#admit(key)) present.add(key);
    for (const heat of this.#options.heats) {
      const seen = new Set<ContestantKey>();
      for (let round = 1; round <= heat.rounds; round++) {
        for (const key of heat.contestants.filter((each) => present.has(each))) {
          await this.#runRound(key, heat, round, !seen.has(key));
          seen.add(key);
        }
      }
    }
  }

  /** Looks whether a contestant can take part here. */
  #admit(key: ContestantKey): Promise<boolean> {
    return this.#stage.enter(CONTESTANTS[key], 1, async (contestant) => {
      const entry = {
        contestant: contestant.name,
        version: null as string | null,
        skipped: await contestant.missing(),
      };
      if (entry.skipped === null) {
        try {
          entry.version = await contestant.version();
        } catch (error) {
          entry.skipped = (error as Error).message;
        }
      }
      this.results.entries.push(entry);
      if (entry.skipped) process.stderr.write(`${contestant.name}: skipped: ${entry.skipped}\n`);
      return entry.skipped === null;
    });
  }

  async #runRound(
    key: ContestantKey,
    { agents, takeovers, isSmall }: Heat,
    round: number,
    isFirst: boolean,
  ): Promise<void> {
    this.#life++;
    if (isSmall) return this.#attempt(key, agents, round, runSmallLife);
    // What takes long and varies little is done once.
    const idleMs = isFirst ? this.#options.idleMs : null;
    await this.#attempt(key, agents, round, (contestant, place, report, say) =>
      runLife(contestant, place, idleMs, report, say),
    );
    if (!isFirst) return;
    for (const victims of takeovers) {
      await this.#attempt(key, agents, round, (contestant, place, report, say) =>
        runTakeover(contestant, place, victims, report, say),
      );
    }
  }

  async #attempt(
    key: ContestantKey,
    agents: number,
    round: number,
    work: (contestant: Contestant, place: Place, report: Report, say: Say) => Promise<void>,
  ): Promise<void> {
    await this.#stage.enter(CONTESTANTS[key], agents, async (contestant, place) => {
      const { name } = contestant;
      let step = 'begin';
      try {
        await untilTrue(
          () => readListeners(place).size === 0,
          PORTS_FREE_MS,
          () => `the ports from ${place.portBase} on are free`,
        );
        const report: Report = (measure, value) => {
          this.results.samples.push({ contestant: name, agents, round, measure, life: this.#life, value });
          process.stderr.write(
            `${agents} agents, round ${round}, ${name}: ${measure} ${value?.toFixed(3) ?? 'never'}\n`,
          );
        };
        await work(contestant, place, report, (next) => {
          step = next;
        });
      } catch (error) {
        const { message } = error as Error;
        this.results.failures.push({ contestant: name, agents, round, step, error: message });
        process.stderr.write(`${agents} agents, round ${round}, ${name}: ${step}: ${message}\n`);
      }
    });
  }
}

function refuseTakenPorts(place: Pick<Place, 'portBase' | 'agents'>): void {
  const taken = readListeners(place).size;
  if (taken > 0)
    throw new Error(`${taken} ports from ${place.portBase} on are in use: choose others with --port-base`);
}
