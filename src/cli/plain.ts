/**
 * Agents are not trusted: their output may hold escape sequences that control the reader's terminal. `\p{Cc}` is C0, DEL
 * and C1 (U+009B alone starts a sequence too); `\p{Bidi_Control}` is everything that changes the reading direction, the
 * marks included (UAX #9); `\p{Zl}` and `\p{Zp}` start a line that a reader could take for one of fleetctl.
 */
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;
const UNSAFE_IN_LINES = /(?![\n\t])[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

/** Text for one line: without control characters, and with spaces for line breaks and tabs. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replace(UNSAFE, '').trim();
}

/** Text of several lines, without control characters. */
export function withoutControls(text: string): string {
  return text.replace(UNSAFE_IN_LINES, '');
}

/** Output of an agent for a terminal: control characters become their pictures (␛), lines and tabs stay. */
export function visibleControls(text: string): string {
  return text.replace(UNSAFE_IN_LINES, (character) => {
    const code = character.codePointAt(0)!;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return code === 0x7f ? '\u2421' : '\ufffd';
  });
}

/** JSON with escapes for the same characters: unchanged for a parser, harmless on a terminal. */
export function plainJson(document: unknown): string {
  return JSON.stringify(document).replace(
    UNSAFE,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );
}
