import type { Client } from './client.ts';

/** The options of all commands as commander hands them over; each command reads its own. */
export interface Options {
  file?: string;
  force?: boolean;
  timeout?: string;
  autostart?: boolean;
  slots?: string;
  all?: boolean;
  latest?: boolean;
  purge?: boolean;
  adopt?: boolean;
  kill?: boolean;
  withAgents?: boolean;
  follow?: boolean;
  limit?: string;
  lines?: string;
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
}

/** What a command is given. */
export interface Context {
  /** The arguments before `--`. */
  args: string[];
  /** The command after `--`; null where there was no `--`. */
  command: string[] | null;
  options: Options;
  json: boolean;
  /** The fleet named by --fleet. */
  fleet: string | null;
  directories: { stateDir: string; runtimeDir: string };
  client: Client;
}

/** A command: does its work and returns the exit code; failures are thrown. */
export type Run = (context: Context) => Promise<number>;
