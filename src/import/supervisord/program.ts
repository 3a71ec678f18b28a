import type { Directive, Draft } from '../draft.ts';
import { hole } from '../holes.ts';

/** What one [program:x] is translated with. */
export interface Program {
  draft: Draft;
  name: string;
  numprocs: number;
  numprocsStart: number;
  /** The port of the first process, where the process number is the end of a port. */
  portBase: number | null;
  /** The directory that relative paths are taken from: `directory`, or else that of the configuration. */
  here: string;
  /** The directive of this name that counts: the last one. */
  directive: (name: string) => Directive | undefined;
  /** A value with its expressions expanded; what cannot be is reported. */
  expand: (directive: Directive) => string;
}

/** The value of a directive, trimmed; its default if it is not written. */
export function valueOr(program: Program, name: string, otherwise: string): string {
  return program.directive(name)?.value.trim() ?? otherwise;
}

/** A whole number; null, and a finding, for anything else. */
export function wholeNumber(directive: Directive, { draft }: Program): number | null {
  if (/^\d{1,9}$/.test(directive.value.trim())) return Number(directive.value);
  draft.lack(directive, 'not a whole number');
  return null;
}

/** A number of bytes: `50MB`, `512KB`, `1GB` or digits; null, and a finding, for anything else. */
export function bytes(directive: Directive, { draft }: Program): number | null {
  const found = /^(\d{1,12})\s*(KB|MB|GB)?$/i.exec(directive.value.trim());
  if (found === null) {
    draft.lack(directive, 'not a size such as 50MB');
    return null;
  }
  return Number(found[1]) * 1024 ** ['', 'KB', 'MB', 'GB'].indexOf((found[2] ?? '').toUpperCase());
}

/** true or false as supervisord reads it; null, and a finding, for anything else. */
export function isTrue(value: string): boolean | null {
  const word = value.trim().toLowerCase();
  if (['true', 'on', 'yes', '1'].includes(word)) return true;
  return ['false', 'off', 'no', '0'].includes(word) ? false : null;
}

/** Reports what differs where process numbers do not begin at 0. */
export function noteStart(directive: Directive, value: string, { draft, numprocsStart }: Program): void {
  if (numprocsStart === 0 || !value.includes(hole('slot').slice(0, -1))) return;
  draft.lack(
    directive,
    `slots count from 0, process numbers here from ${numprocsStart}: {slot} is lower by ${numprocsStart}`,
  );
}
