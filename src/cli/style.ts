import type { WriteStream } from 'node:tty';

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

export type Colour = keyof typeof CODES;
export type Paint = (colour: Colour | null, text: string) => string;

/** Whether a stream is a terminal that understands escape sequences. */
export function isTerminal(stream: Pick<WriteStream, 'isTTY'>): boolean {
  return stream.isTTY === true && process.env.TERM !== 'dumb';
}

/** Colours for a terminal, plain text for anything else and where NO_COLOR is set. */
export function paintFor(stream: Pick<WriteStream, 'isTTY'>): Paint {
  if (!isTerminal(stream) || process.env.NO_COLOR) return (_colour, text) => text;
  return (colour, text) => (colour === null ? text : `\x1b[${CODES[colour]}m${text}\x1b[0m`);
}
