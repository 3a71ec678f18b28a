import type { SysctlValue, SystemdFacts } from '../../doctor/facts.ts';
import type { Root } from './root.ts';

/** The directories of systemd's private library, whose file name holds the version: libsystemd-shared-252.so. */
const LIBRARIES = [
  '/usr/lib/systemd',
  '/lib/systemd',
  '/usr/lib64/systemd',
  '/usr/lib/x86_64-linux-gnu/systemd',
  '/usr/lib/aarch64-linux-gnu/systemd',
];

/** The settings of systemd; null if it is not PID 1 (sd_booted(3) tests the same directory). */
export function readSystemd(root: Root, uid: number, userName: string | null): SystemdFacts | null {
  if (!root.list('/run/systemd').includes('system')) return null;
  return {
    version: versionOf(root),
    linger: uid === 0 || userName === null ? null : root.list('/var/lib/systemd/linger').includes(userName),
    userTasksMax: lastSetting(root, withDropIns(root, 'logind.conf'), /^UserTasksMax\s*=/),
    limitsConf: lastSetting(root, limitFiles(root), /\s(nofile|nproc)\s/),
    defaultTasksMax: lastSetting(root, withDropIns(root, 'system.conf'), /^DefaultTasksMax\s*=/),
  };
}

function versionOf(root: Root): number | null {
  for (const directory of LIBRARIES) {
    for (const file of root.list(directory)) {
      const version = /^libsystemd-shared-(\d+)/.exec(file)?.[1];
      if (version !== undefined) return Number(version);
    }
  }
  return null;
}

/** A configuration file of systemd and its drop-ins; later ones take precedence. */
function withDropIns(root: Root, name: string): string[] {
  return ['/usr/lib/systemd', '/etc/systemd', '/run/systemd'].flatMap((directory) => [
    `${directory}/${name}`,
    ...root.list(`${directory}/${name}.d`).map((file) => `${directory}/${name}.d/${file}`),
  ]);
}

function limitFiles(root: Root): string[] {
  const directory = '/etc/security/limits.d';
  return ['/etc/security/limits.conf', ...root.list(directory).map((file) => `${directory}/${file}`)];
}

function lastSetting(root: Root, files: readonly string[], pattern: RegExp): SysctlValue | null {
  return files.flatMap((file) => linesLike(root, file, pattern)).at(-1) ?? null;
}

/** The lines of a file that match, without comments. */
export function linesLike(root: Root, file: string, pattern: RegExp): SysctlValue[] {
  return (root.text(file) ?? '').split('\n').flatMap((line, i) => {
    const text = line.trim();
    return /^[#;]/.test(text) || !pattern.test(text) ? [] : [{ file, line: i + 1, text }];
  });
}
