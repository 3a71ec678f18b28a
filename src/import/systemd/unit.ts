import type { Directive } from '../draft.ts';
import type { SourceFile } from '../input.ts';
import { linesOf } from '../lines.ts';
import { refusal } from '../problem.ts';

/** A directive of a unit, with the section that it is in. */
export interface UnitDirective extends Directive {
  section: string;
}

/**
 * Reads a unit file as systemd.syntax(7) has it: `#` and `;` begin a comment line, a backslash at the end of a line
 * continues it, comment lines in between left out, and an empty assignment resets what was assigned before.
 * @throws FleetError IMPORT_INVALID with file and line
 */
export function readUnit(source: SourceFile): UnitDirective[] {
  const { file } = source;
  let directives: UnitDirective[] = [];
  let section: string | null = null;
  for (const { line, content } of logicalLines(source)) {
    const header = /^\[(.*)\]$/.exec(content);
    if (header !== null) {
      section = header[1]!;
      continue;
    }
    if (section === null) throw refusal({ file, line }, 'a directive before the first [Section]');
    const equals = content.indexOf('=');
    if (equals <= 0) throw refusal({ file, line }, `expected KEY=VALUE or [Section], found "${content}"`);
    const name = content.slice(0, equals).trim();
    const value = content.slice(equals + 1).trim();
    const isOther = (each: UnitDirective) => each.section !== section || each.name !== name;
    if (value === '') directives = directives.filter(isOther);
    else directives.push({ file, line, section, name, value });
  }
  return directives;
}

/** Lines without comments, continued ones joined by a space; each has the number of its first one. */
function logicalLines(source: SourceFile): { line: number; content: string }[] {
  const lines: { line: number; content: string }[] = [];
  let open: { line: number; content: string } | null = null;
  for (const { line, content: raw } of linesOf(source)) {
    if (/^\s*[#;]/.test(raw)) continue;
    const isContinued = raw.endsWith('\\');
    const part = isContinued ? `${raw.slice(0, -1)} ` : raw;
    if (open === null) open = { line, content: part };
    else open.content += part;
    if (isContinued) continue;
    if (open.content.trim() !== '') lines.push({ line: open.line, content: open.content.trim() });
    open = null;
  }
  if (open !== null && open.content.trim() !== '')
    lines.push({ line: open.line, content: open.content.trim() });
  return lines;
}
