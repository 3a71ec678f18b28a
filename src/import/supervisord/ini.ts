import type { Directive } from '../draft.ts';
import type { SourceFile } from '../input.ts';
import { linesOf } from '../lines.ts';
import { refusal } from '../problem.ts';

/** A section of a configuration file, with its directives in their order. */
export interface Section {
  /** Without the brackets: `program:web`. */
  name: string;
  file: string;
  line: number;
  directives: Directive[];
}

const HEADER = /^\[(.+)\]\s*$/;
const OPTION = /^([^=:]*?)\s*[=:]\s*(.*)$/s;

/**
 * Reads an INI file by the rules of supervisord, which are those of Python's configparser: `;` and `#` begin a comment at
 * the start of a line or after white space, an indented line continues a value, and `=` or `:` ends a name.
 * @throws FleetError IMPORT_INVALID with file and line
 */
export function readIni(source: SourceFile): Section[] {
  const { file } = source;
  const sections: Section[] = [];
  let last: Directive | null = null;
  for (const { line, content: raw } of linesOf(source)) {
    const content = withoutComment(raw).trimEnd();
    if (content.trim() === '') continue;
    const section = sections.at(-1);
    const header = HEADER.exec(content);
    if (/^\s/.test(content) && last !== null) last.value += `\n${content.trim()}`;
    else if (header !== null) {
      sections.push({ name: header[1]!.trim(), file, line, directives: [] });
      last = null;
    } else {
      if (section === undefined) throw refusal({ file, line }, 'a directive before the first [section]');
      const option = OPTION.exec(content.trim());
      if (option === null || option[1] === '') {
        throw refusal({ file, line }, `expected KEY=VALUE or [section], found "${content.trim()}"`);
      }
      last = { file, line, name: option[1]!.toLowerCase(), value: option[2]! };
      section.directives.push(last);
    }
  }
  return sections;
}

function withoutComment(line: string): string {
  return line.replace(/(^|\s)[;#].*$/, '');
}
