import type { Directive, Draft } from '../draft.ts';
import type { World } from '../input.ts';
import { shellWords, WordsProblem } from '../words.ts';

/** One app of an ecosystem file, and what it is translated with. */
export interface App {
  draft: Draft;
  world: World;
  /** By their own names; aliases of pm2 are resolved. */
  values: Readonly<Record<string, unknown>>;
  /** A property as a directive, to report it. */
  directive: (name: string) => Directive;
  instances: number;
  /** The names of the environments of `--env` that are taken over. */
  environment: string | null;
}

/** A value of a property: what takes it over, or why nothing can. */
export type AppRule = string | ((value: unknown, app: App, directive: Directive) => void);
export type AppRules = Readonly<Record<string, AppRule>>;

/** A list, or text that is split into words as a shell would. */
export function wordList(value: unknown, directive: Directive, { draft }: App): string[] {
  if (Array.isArray(value)) return value.map(String);
  try {
    return shellWords(String(value ?? ''));
  } catch (error) {
    if (!(error instanceof WordsProblem)) throw error;
    draft.lack(directive, `${error.message}; it is split at white space`);
    return String(value).split(/\s+/);
  }
}

/** Milliseconds: a number, or pm2's `500`, `3s`, `5m`, `1h`; null for anything else. */
export function readMilliseconds(value: unknown): number | null {
  const found = /^(\d{1,12})(ms|s|m|h)?$/.exec(String(value));
  if (found === null) return null;
  return Number(found[1]) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[found[2] ?? 'ms']!;
}

/** The same, but anything else is a finding. */
export function milliseconds(value: unknown, directive: Directive, { draft }: App): number | null {
  const read = readMilliseconds(value);
  if (read === null) draft.lack(directive, 'not a number of milliseconds');
  return read;
}

/** Whether a flag is set; pm2 takes words as well. */
export function isOn(value: unknown): boolean {
  return value === true || value === 'true' || value === 1;
}
