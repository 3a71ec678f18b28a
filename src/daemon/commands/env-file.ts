import { isUtf8 } from 'node:buffer';
import { FleetError } from '../../errors/fleet-error.ts';
import type { ReadProblem, ReadsOthers } from '../../host/host.ts';

/** More than execve(2) could pass to a process. */
const BYTES_MAX = 1024 * 1024;
const READ_MS_MAX = 5_000;
const NEWLINE = 0x0a;

/**
 * Reads `KEY=value` lines; empty lines and lines that begin with # are skipped, quotes around a value are removed. The
 * values are secrets: no message contains any. Others may be able to write the file: it is read whole or not at all, and
 * whatever it is, it delays nothing.
 * @throws FleetError SPEC_INVALID with the defect of the file or of the line
 */
export async function readEnvFile(path: string, reader: ReadsOthers): Promise<Record<string, string>> {
  const asked = { do: 'read', path, bytesMax: BYTES_MAX } as const;
  const bytes = await reader.ask(asked, READ_MS_MAX).catch(({ message }: ReadProblem) => {
    throw new FleetError('SPEC_INVALID', `envFile: ${message}`);
  });
  return parseEnv(Buffer.from(bytes), path);
}

function parseEnv(bytes: Buffer, path: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [i, line] of linesOf(bytes).entries()) {
    if (!isUtf8(line)) throw invalid(i, path, 'is not valid UTF-8');
    const text = line.toString('utf8');
    if (/^\s*(#.*)?$/.test(text)) continue;
    const [, name, value = ''] = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*$/.exec(text) ?? [];
    if (name === undefined || value.includes('\0')) throw invalid(i, path, 'is not NAME=value');
    values[name] = /^(["']).*\1$/.test(value) ? value.slice(1, -1) : value;
  }
  return values;
}

function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start <= bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, start);
    lines.push(bytes.subarray(start, end < 0 ? bytes.length : end));
    if (end < 0) break;
    start = end + 1;
  }
  return lines;
}

function invalid(index: number, path: string, what: string): FleetError {
  return new FleetError('SPEC_INVALID', `envFile: line ${index + 1} of ${path} ${what}`);
}
