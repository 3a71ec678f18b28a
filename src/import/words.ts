/** What cannot be read; the caller adds file and line. */
export class WordsProblem extends Error {}

/**
 * Splits a command line into words as a POSIX shell does, but expands nothing: quotes, and backslashes that escape. This is
 * also what Python's shlex.split does, by which supervisord reads commands.
 * @throws WordsProblem for a quote that is not closed, or a backslash at the end
 */
export function shellWords(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (character === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) throw new WordsProblem("a ' is not closed");
      word = (word ?? '') + text.slice(at + 1, end);
      at = end;
    } else if (character === '"') {
      const quoted = inDoubleQuotes(text, at + 1);
      word = (word ?? '') + quoted.text;
      at = quoted.end;
    } else if (character === '\\') {
      if (at + 1 === text.length) throw new WordsProblem('a backslash ends it');
      word = (word ?? '') + text[++at]!;
    } else word = (word ?? '') + character;
  }
  if (word !== null) words.push(word);
  return words;
}

/** What stands between double quotes, and where these end. Between them, a backslash escapes only `"` and itself. */
function inDoubleQuotes(text: string, from: number): { text: string; end: number } {
  let inner = '';
  for (let at = from; at < text.length; at++) {
    if (text[at] === '"') return { text: inner, end: at };
    if (text[at] === '\\' && /["\\]/.test(text[at + 1] ?? '')) at++;
    inner += text[at];
  }
  throw new WordsProblem('a " is not closed');
}

/** A word for a shell that is to take it literally. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./\uE000\uE001-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
