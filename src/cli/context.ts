import type { Client } from './client.ts';

/** The options of all commands, as commander parses them; each command reads its own. */
export interface Options {
  file?: string[];
  force?: boolean;
  timeout?: string;
  autostart?: boolean;
  slots?: string;
  all?: boolean;
  allFleets?: boolean;
  selector?: string[];
  latest?: boolean;
  now?: boolean;
  purge?: boolean;
  adopt?: boolean;
  kill?: boolean;
  withAgents?: boolean;
  follow?: boolean;
  limit?: string;
  lines?: string;
  since?: string;
  grep?: string;
  agents?: string;
  dryRun?: boolean;
  root?: string;
  cloud?: boolean;
  cost?: string;
  for?: string;
  sort?: string;
  usage?: boolean;
  full?: boolean;
  port?: string;
  off?: boolean;
  each?: boolean;
  binary?: string;
  label?: string;
  batch?: string;
  wait?: string;
  canary?: string;
  maxFailed?: string;
  rollback?: boolean;
  to?: string;
  from?: string;
  out?: string;
  env?: string;
  allProcesses?: boolean;
}

/** The input of a command. */
export interface Context {
  /** The arguments before `--`. */
  args: string[];
  /** The command after `--`; null if there was no `--`. */
  command: string[] | null;
  options: Options;
  json: boolean;
  /** The fleet named by --fleet. */
  fleet: string | null;
  directories: { stateDir: string; runtimeDir: string };
  client: Client;
}

/** Runs a command and returns its exit code. @throws FleetError for a failure */
export type Run = (context: Context) => Promise<number>;
