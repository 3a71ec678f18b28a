/**
 * A value of another supervisor is first expanded by its rules, then split into words, and only then becomes a template
 * of fleetd. In between, the places that fleetd fills in at each start are holes: text in characters of the private use
 * area, which no configuration has, so that splitting and escaping cannot mistake them for the user's own braces.
 */
const OPEN = '\uE000';
const CLOSE = '\uE001';
const HOLE = /\uE000([^\uE001]*)\uE001/g;

/** The hole that becomes the placeholder `{name}`. */
export function hole(name: string): string {
  return `${OPEN}${name}${CLOSE}`;
}

/** Text as a template of fleetd: its own braces doubled, its holes placeholders. */
export function template(text: string): string {
  return text.replace(/[{}]/g, '$&$&').replace(HOLE, '{$1}');
}

/** The same for each word of a command. */
export function templates(words: readonly string[]): string[] {
  return words.map(template);
}
