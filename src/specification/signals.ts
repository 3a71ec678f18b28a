/** The signals 1 to 31 of Linux in their order, the same on x86 and ARM (asm-generic/signal.h). */
const NAMES = [
  ...['HUP', 'INT', 'QUIT', 'ILL', 'TRAP', 'ABRT', 'BUS', 'FPE', 'KILL', 'USR1', 'SEGV', 'USR2', 'PIPE'],
  ...['ALRM', 'TERM', 'STKFLT', 'CHLD', 'CONT', 'STOP', 'TSTP', 'TTIN', 'TTOU', 'URG', 'XCPU', 'XFSZ'],
  ...['VTALRM', 'PROF', 'WINCH', 'IO', 'PWR', 'SYS'],
];
const ALIASES: Readonly<Record<string, string>> = { IOT: 'ABRT', CLD: 'CHLD', POLL: 'IO' };
/** SIGRTMIN and SIGRTMAX as programs see them: glibc keeps 32 and 33 for itself (nptl(7)). */
const RT = { min: 34, max: 64 } as const;
const RELATIVE = /^RT(?:MIN(?:\+(\d{1,2}))?|MAX(?:-(\d{1,2}))?)$/;
const NUMBER = /^[1-9]\d?$/;

/**
 * The number of a signal, 1 to 64.
 * @param written its name with or without SIG, in either case, SIGRTMIN+n, SIGRTMAX-n, or its number
 * @returns null if there is no such signal
 */
export function signalNumber(written: string): number | null {
  if (NUMBER.test(written)) return Number(written) <= RT.max ? Number(written) : null;
  const name = written.toUpperCase().replace(/^SIG/, '');
  const at = NAMES.indexOf(ALIASES[name] ?? name);
  if (at >= 0) return at + 1;
  const relative = RELATIVE.exec(name);
  if (!relative) return null;
  const number = name.startsWith('RTMIN')
    ? RT.min + Number(relative[1] ?? 0)
    : RT.max - Number(relative[2] ?? 0);
  return number >= RT.min && number <= RT.max ? number : null;
}

/** The name of a signal by its number: SIGHUP, SIGRTMIN+3; its number where it has none (32 and 33). */
export function signalName(number: number): string {
  const name = NAMES[number - 1];
  if (name !== undefined) return `SIG${name}`;
  if (number < RT.min) return String(number);
  return number === RT.min ? 'SIGRTMIN' : `SIGRTMIN+${number - RT.min}`;
}
