/**
 * Agents are not trusted: what they wrote may hold escape sequences that would command the reader's terminal.
 * `\p{Cc}` is C0, DEL and C1 (a lone U+009B starts a sequence too); `\p{Bidi_Control}` is whatever changes the reading
 * direction, the marks among them (UAX #9); `\p{Zl}` and `\p{Zp}` end lines that a reader would take for ours.
 */
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;
const UNSAFE_IN_LINES = /(?![\n\t])[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

/** Text for one line: control characters gone, line breaks and tabs turned into spaces. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replace(UNSAFE, '').trim();
}

/** Text of several lines without control characters. */
export function withoutControls(text: string): string {
  return text.replace(UNSAFE_IN_LINES, '');
}

/** Output of an agent for a terminal: control characters shown as their pictures (␛), lines and tabs kept. */
export function visibleControls(text: string): string {
  return text.replace(UNSAFE_IN_LINES, (character) => {
    const code = character.codePointAt(0)!;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    return code === 0x7f ? '\u2421' : '\ufffd';
  });
}

/** JSON in which the same is written as escapes, which mean the same to a program and nothing to a terminal. */
export function plainJson(document: unknown): string {
  return JSON.stringify(document).replace(
    UNSAFE,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );
}
