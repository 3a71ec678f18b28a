/**
 * Breaks a text into lines of at most `width` characters at its spaces, each behind `indent` spaces; a word that is
 * longer stays whole.
 */
export function wrap(text: string, indent: number, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line].map((part) => ' '.repeat(indent) + part);
}
