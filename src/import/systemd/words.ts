import { WordsProblem } from '../words.ts';

/** The escapes of systemd.syntax(7) that stand for one character. */
const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  s: ' ',
  '\\': '\\',
  '"': '"',
  "'": "'",
  ';': ';',
};
const CODE = /\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/y;

/**
 * Splits a value into words by systemd's rules: quotes of both kinds, and C escapes inside and outside of them.
 * @throws WordsProblem for a quote that is not closed
 */
export function unitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '\\') {
      const escaped = escapeAt(text, at);
      word = (word ?? '') + escaped.text;
      at = escaped.end - 1;
    } else if (quote !== '') {
      if (character === quote) quote = '';
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? '') + character;
  }
  if (quote !== '') throw new WordsProblem(`a ${quote} is not closed`);
  if (word !== null) words.push(word);
  return words;
}

/** The character that a backslash at `at` stands for, and where what follows begins. An unknown escape stays as it is. */
function escapeAt(text: string, at: number): { text: string; end: number } {
  CODE.lastIndex = at;
  const code = CODE.exec(text);
  if (code !== null) {
    const [whole, hex, octal, short, long] = code;
    const point =
      octal === undefined ? Number.parseInt((hex ?? short ?? long)!, 16) : Number.parseInt(octal, 8);
    const character = point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : '';
    if (character !== '' && character.isWellFormed()) return { text: character, end: at + whole.length };
  }
  const next = text[at + 1] ?? '';
  return { text: ESCAPES[next] ?? `\\${next}`, end: at + 2 };
}
