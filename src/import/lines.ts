import type { SourceFile } from './input.ts';
import { refusal } from './problem.ts';

/** The lines of a file, numbered from 1. @throws FleetError IMPORT_INVALID for a NUL byte, which no command can have */
export function linesOf({ file, text }: SourceFile): { line: number; content: string }[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((content, index) => {
      if (content.includes('\0')) throw refusal({ file, line: index + 1 }, 'it has a NUL byte');
      return { line: index + 1, content };
    });
}
