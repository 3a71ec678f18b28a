import { hole } from '../holes.ts';

/** What `%(…)s` can name: text, or for `process_num` the slot. */
export type Names = Readonly<Record<string, string | number>>;

const EXPRESSION = /%%|%\((\w+)\)([-+ #0]*)(\d*)([a-z])|%/gi;
/** The name of the process number, which becomes the slot. */
const PROCESS_NUM = 'process_num';

/** Digits before a process number that is padded with zeros, where the text before them says that it is a port. */
const PORT = /(?:\bports?['"]?[\s=:]*|(?:^|\s)-p[\s=]*|:)(\d{1,4})%\(process_num\)0(\d)d/i;
const PORT_MAX = 65_535;

/**
 * Recognises a port that ends in the process number: `--port=80%(process_num)02d`, `:90%(process_num)02d`.
 * @returns the port of the first process, and the text that stands for a port; null if there is none
 */
export function portPattern(
  text: string,
  start: number,
  count: number,
): { base: number; text: string } | null {
  const [, digits, width] = PORT.exec(text) ?? [];
  if (digits === undefined) return null;
  const room = 10 ** Number(width);
  const base = Number(digits) * room + start;
  if (start + count > room || base < 1 || base + count - 1 > PORT_MAX) return null;
  return { base, text: `${digits}%(process_num)0${width}d` };
}

/**
 * Expands supervisord's expressions, those of Python's % operator. Those that name the process number become holes.
 * @param onProblem is told what cannot be expanded, which then stays as it is
 */
export function expandNames(text: string, names: Names, onProblem: (text: string) => void): string {
  return text.replace(EXPRESSION, (whole, name?: string, flags = '', width = '') => {
    if (whole === '%%') return '%';
    if (name === undefined) {
      onProblem('a single % is an error for supervisord; it stays as it is');
      return whole;
    }
    if (name === PROCESS_NUM) return slotHole(whole, flags, width, onProblem);
    const value = Object.hasOwn(names, name) ? names[name] : undefined;
    if (value === undefined) {
      onProblem(
        name.startsWith('ENV_')
          ? `the variable ${name.slice(4)} of supervisord's environment is not set here, so %(${name})s stays as it is; write its value`
          : `%(${name})s names nothing that is known here; it stays as it is`,
      );
      return whole;
    }
    return typeof value === 'number' && flags.includes('0')
      ? String(value).padStart(Number(width), '0')
      : String(value);
  });
}

function slotHole(whole: string, flags: string, width: string, onProblem: (text: string) => void): string {
  if (flags === '0' && /^[1-9]$/.test(width)) return hole(`slot:0${width}`);
  if (flags !== '' || width !== '')
    onProblem(`fleetd pads a slot with zeros, to nine digits at most, or not at all, unlike ${whole}`);
  return hole('slot');
}
