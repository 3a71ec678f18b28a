import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { PROC, readProcText } from '../proc/read.ts';

/**
 * A host's files as seen from `root`: the empty string is this host, a directory is another one's copy of /proc, /sys,
 * /etc, /run, /usr and /var. Whatever is not there, or not for us to read, is null or empty.
 */
export class Root {
  readonly path: string;

  constructor(path = '') {
    this.path = path;
  }

  /** Its /proc, for the readers of that. */
  get proc(): string {
    return `${this.path}${PROC}`;
  }

  /** A file's text, trimmed. */
  text(path: string): string | null {
    try {
      return path.startsWith('/proc/') || path.startsWith('/sys/')
        ? readProcText(this.path + path)
        : readFileSync(this.path + path, 'utf8').trim();
    } catch {
      return null;
    }
  }

  /** A file's number; NaN where there is none (`max`, no such file). */
  number(path: string): number {
    return Number.parseInt(this.text(path) ?? '', 10);
  }

  link(path: string): string | null {
    try {
      return readlinkSync(this.path + path);
    } catch {
      return null;
    }
  }

  /** What is in a directory, sorted. */
  list(path: string): string[] {
    try {
      return readdirSync(this.path + path).sort();
    } catch {
      return [];
    }
  }
}
