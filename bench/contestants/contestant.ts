import { findProgram, run } from '../commands.ts';
import type { MeasureName } from '../measures/all.ts';
import type { Place } from '../place.ts';
import { findProcesses, readAgents } from '../processes.ts';

/** A program that a contestant cannot do without. */
export interface Tool {
  program: string;
  /** How to get it. */
  get: string;
}

/** A command as argv. */
export type Command = readonly [string, ...string[]];

/**
 * The limit starts and stops agents but does not supervise: what is killed comes back by `bringBack` alone. Of another
 * way to start a contestant that is there already, the start is all that is measured.
 */
export type Kind = 'supervisor' | 'limit' | 'start only';

/**
 * One way to keep agents running, at its best configuration as its documentation says: limits raised, no pauses, the
 * agents' output thrown away.
 */
export abstract class Contestant {
  abstract readonly name: string;
  /** What can be measured of it. */
  readonly kind: Kind = 'supervisor';
  /** What it cannot do without. */
  readonly tools: readonly Tool[] = [];
  protected readonly place: Place;

  constructor(place: Place) {
    this.place = place;
  }

  /** Its version in a few characters. */
  abstract version(): Promise<string>;

  /** Writes its configuration for the place, and does all that is not part of starting the agents. */
  async prepare(): Promise<void> {}

  /** Starts the agents: what is measured goes from this call until all of them accept connections. */
  abstract start(): Promise<void>;

  /** Stops the agents: what is measured goes from this call until none of them is left. */
  abstract stop(): Promise<void>;

  /** Starts killed agents again, where the contestant supervises nothing. @param first the lowest port of `count` ones killed */
  async bringBack(_first: number, _count: number): Promise<void> {}

  /** The command that shows all agents to a user; null where there is none. */
  status(): Command | null {
    return null;
  }

  /** Commands to hold that against, by the measure of how long each takes. */
  otherCommands(): Partial<Record<MeasureName, Command>> {
    return {};
  }

  /** The pids of the agents that the supervisor says it runs; null where it cannot be asked, or knows no pids of ours. */
  async knownAgents(): Promise<Set<number> | null> {
    return null;
  }

  /** The processes whose end is the end of the supervisor. */
  supervisors(): number[] {
    return [];
  }

  /** Whether its supervisor can end without its agents, and be started again. */
  readonly canTakeOver: boolean = false;

  /** Does what its documentation asks for, so that it can be started again. Not measured. */
  async beforeSupervisorEnds(): Promise<void> {}

  /** Starts the supervisor again after its end. */
  async startSupervisor(): Promise<void> {}

  /** All its processes, agents included. */
  processes(): number[] {
    return findProcesses(this.place);
  }

  /** Takes away what is outside its processes and its directory. Called when its processes are gone. */
  async cleanUp(): Promise<void> {}

  /** The processes that supervise: all that are not agents. */
  supervision(): number[] {
    const agents = new Set([...readAgents(this.place).values()].flat());
    return this.processes().filter((pid) => !agents.has(pid));
  }

  /** What is missing here, and how to get it; null where nothing is. */
  async missing(): Promise<string | null> {
    for (const { program, get } of this.tools) {
      if ((await findProgram(program)) === null) return `no ${program} here: ${get}`;
    }
    return null;
  }

  /** Runs a command of its own to its end and gives what it printed. */
  protected async output(...[command, ...args]: Command): Promise<string> {
    return (await run(this.place, command, args)).stdout;
  }
}

/** How a Debian package is installed. */
export function fromDebian(name: string): string {
  return `apt-get install ${name}`;
}

/** dpkg-query's format for the version alone. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query fills it in
export const DEBIAN_VERSION = '${Version}';

/** The version of an installed Debian package. */
export async function debianVersion(place: Place, name: string): Promise<string> {
  return (await run(place, 'dpkg-query', ['-W', '-f', DEBIAN_VERSION, name])).stdout.trim();
}
