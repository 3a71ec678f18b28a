/** Text for man(7), with the syntax of troff escaped. */
export function plain(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}

/** A whole page; `name` and `section` as in fleetctl(1). */
export function page(name: string, section: number, parts: readonly string[]): string {
  const head = `.\\" Made by bin/generate from the tables in src; edit those instead.\n`;
  return `${head}.TH ${name.toUpperCase()} ${section} "" fleetd\n${parts.join('')}`;
}

/** The beginning of a section. */
export const heading = (title: string): string => `.SH ${title}\n`;

/** The beginning of a subsection. */
export const subheading = (title: string): string => `.SS ${plain(title)}\n`;

/** A paragraph. */
export const paragraph = (text: string): string => `.PP\n${plain(text)}\n`;

/** Terms, each with its meaning indented below it. */
export function terms(entries: readonly (readonly [string, string])[]): string {
  return entries.map(([term, meaning]) => `.TP\n.B ${plain(term)}\n${plain(meaning)}\n`).join('');
}

/** Verbatim lines, such as examples. */
export const verbatim = (lines: readonly string[]): string =>
  `.PP\n.nf\n${lines.map(plain).join('\n')}\n.fi\n`;
