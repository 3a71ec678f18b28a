import pLimit from 'p-limit';
import { FleetError } from '../../errors/fleet-error.ts';
import { decideConfiguring } from '../../fleet/decide/configure.ts';
import type { Configured } from '../../fleet/records.ts';
import { hashText } from '../../host/sys/hash.ts';
import { parseSpec } from '../../specification/parse.ts';
import { ROOT_CONFIG_DIR } from '../../specification/paths.ts';
import { readSpecText } from '../../specification/yaml.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Commands } from './commands.ts';
import type { SpawnWanted } from './spawn.ts';

/** The time after which a file system counts as unable to deliver the files. */
const READ_MS_MAX = 30_000;

/** A fleet that a file describes. */
interface Described {
  name: string;
  document: unknown;
  configured: Configured;
}

interface DescribingFile {
  path: string;
  fleets: readonly Described[];
}

/**
 * The directory of configuration (/etc/fleetd): its specs are applied at the start, and whenever the supervisor is told to
 * read them again. A file is taken as a whole or refused with an event; what is wrong with one affects no other, and no
 * fleet that runs.
 */
export class Configuration {
  readonly #supervisor: Supervisor;
  readonly #commands: Commands;
  readonly #directory: string;
  readonly #limit = pLimit(1);
  #isStopped = false;

  constructor(supervisor: Supervisor, commands: Commands, directory: string) {
    this.#supervisor = supervisor;
    this.#commands = commands;
    this.#directory = directory;
  }

  /** Reads the directory, and applies what has changed. It does not fail: what goes wrong is reported as events. */
  read(): Promise<void> {
    return this.#limit(async () => {
      try {
        await this.#read();
      } catch (error) {
        this.#report(null, `${this.#directory} cannot be read: ${(error as Error).message}`);
      }
    });
  }

  /** Nothing is applied or reported any more. */
  stop(): void {
    this.#isStopped = true;
  }

  async #read(): Promise<void> {
    const { host, fleets } = this.#supervisor;
    const owners = [0, host.processes.users.own.uid];
    const question = { do: 'config', path: this.#directory, owners } as const;
    const there = await host.files.reader.ask(question, READ_MS_MAX);
    if (there === null && this.#directory !== ROOT_CONFIG_DIR)
      this.#report(null, `there is no ${this.#directory} (FLEETD_CONFIG_DIR)`);
    const found = there ?? [];
    const refused = new Set<string>();
    const refuse = (path: string, why: string) => {
      refused.add(path);
      this.#report(null, `${path} is refused: ${why.replaceAll('\n', '; ')}`);
    };
    const files: DescribingFile[] = [];
    for (const file of found) {
      if ('problem' in file) refuse(file.path, file.problem);
      else {
        try {
          files.push({ path: file.path, fleets: describedIn(file.path, file.text) });
        } catch (error) {
          refuse(file.path, (error as Error).message);
        }
      }
    }
    const twice = describedTwice(files);
    for (const { path, fleets: own } of files) {
      const shared = own.find(({ name }) => twice.has(name));
      if (shared)
        refuse(path, `fleet ${shared.name} is described in ${twice.get(shared.name)!.join(' and ')}`);
      else await this.#apply(path, own, refuse);
    }
    const names = new Set(files.flatMap((file) => file.fleets.map(({ name }) => name)));
    for (const { name, fleet } of fleets.values()) {
      const path = fleet.record.configured?.path;
      if (path === undefined || names.has(name) || refused.has(path)) continue;
      this.#report(
        name,
        `${path} no longer describes the fleet, which stops nothing; fleetctl kill --all --fleet ${name} stops its agents`,
      );
    }
  }

  /** Applies a file: all of its fleets, or none. */
  async #apply(
    path: string,
    described: readonly Described[],
    refuse: (path: string, why: string) => void,
  ): Promise<void> {
    try {
      const applied = await this.#commands.configure(() => this.#wanted(described));
      for (const { fleet } of applied) this.#supervisor.journal.note('config', fleet, `${path} was applied`);
    } catch (error) {
      if (!(error instanceof FleetError)) throw error;
      refuse(path, `${error.message}. ${error.hint}`.trimEnd());
    }
  }

  /** The fleets of a file that take it. */
  #wanted(described: readonly Described[]): SpawnWanted[] {
    if (this.#isStopped) return [];
    return described.flatMap(({ name, document, configured }) => {
      const fleet = this.#supervisor.fleets.get(name)?.fleet ?? null;
      const configuring = decideConfiguring(fleet, configured);
      if (configuring === null) return [];
      const request = { ...configuring, spec: document, baseDir: this.#directory };
      return [{ name, request, configured }];
    });
  }

  #report(fleet: string | null, text: string): void {
    if (this.#isStopped) return;
    this.#supervisor.log.warn({ fleet }, text);
    this.#supervisor.journal.note('config', fleet, text);
  }
}

/** The fleets that a file describes. @throws FleetError SPEC_INVALID if one of them is not valid */
function describedIn(path: string, text: string): Described[] {
  return readSpecText(text, path).map(({ value, number }) => {
    try {
      const { name, target } = parseSpec(value);
      const hash = hashText(JSON.stringify(value));
      return { name, document: value, configured: { path, hash, target } };
    } catch (error) {
      const { message } = error as Error;
      throw number === 1 ? error : new FleetError('SPEC_INVALID', `document ${number}: ${message}`);
    }
  });
}

/** The fleets that are described more than once, with the files. */
function describedTwice(files: readonly DescribingFile[]): Map<string, string[]> {
  const all = files.flatMap(({ path, fleets }) => fleets.map(({ name }) => ({ name, path })));
  const byName = Map.groupBy(all, ({ name }) => name);
  return new Map(
    [...byName]
      .filter(([, places]) => places.length > 1)
      .map(([name, places]) => [name, places.map(({ path }) => path)]),
  );
}
