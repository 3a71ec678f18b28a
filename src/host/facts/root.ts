import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { PROC, readProcText } from '../proc/read.ts';

/**
 * A host's files below `root`: the empty string is this host, a directory is a copy of another host's /proc, /sys, /etc,
 * /run, /usr and /var. Missing or unreadable files are null or empty.
 */
export class Root {
  readonly path: string;

  constructor(path = '') {
    this.path = path;
  }

  /** Its /proc, for the readers of room proc. */
  get proc(): string {
    return `${this.path}${PROC}`;
  }

  /** A file's text, trimmed. Many of those that are asked for exist on some hosts only: an exception costs 0.1 ms. */
  text(path: string): string | null {
    if (!existsSync(this.path + path)) return null;
    try {
      return path.startsWith('/proc/') || path.startsWith('/sys/')
        ? readProcText(this.path + path)
        : readFileSync(this.path + path, 'utf8').trim();
    } catch {
      return null;
    }
  }

  /** The number in a file; NaN if there is none (`max`, no such file). */
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

  /** The names in a directory, sorted. */
  list(path: string): string[] {
    try {
      return readdirSync(this.path + path).sort();
    } catch {
      return [];
    }
  }
}
