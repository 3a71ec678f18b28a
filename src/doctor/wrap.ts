/** Wraps a text at its spaces into lines of at most `width` characters, indented by `indent` spaces; keeps words whole. */
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
