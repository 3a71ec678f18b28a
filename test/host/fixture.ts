import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A copy of another host's files: text by path; `→ target` makes a link. */
export class Fixture {
  readonly root = mkdtempSync(join(tmpdir(), 'host-'));

  constructor(files: Record<string, string>) {
    for (const [path, content] of Object.entries(files)) this.write(path, content);
  }

  write(path: string, content: string): void {
    mkdirSync(dirname(this.root + path), { recursive: true });
    if (content.startsWith('→ ')) symlinkSync(content.slice(2), this.root + path);
    else writeFileSync(this.root + path, content);
  }

  dispose(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max processes             31202                31202                processes
Max open files            1024                 524288               files
`;

/** A systemd host with cgroup v2, seen from an SSH session of uid 1000. */
export const SYSTEMD_HOST: Record<string, string> = {
  '/proc/self/cgroup': '0::/user.slice/user-1000.slice/session-3.scope\n',
  '/proc/self/mountinfo':
    '24 30 0:22 / /proc rw - proc proc rw\n31 23 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n',
  '/proc/self/status': 'Name:\tnode\nUid:\t1000\t1000\t1000\t1000\nThreads:\t11\n',
  '/proc/self/limits': LIMITS,
  '/proc/self/ns/cgroup': '→ cgroup:[4026531835]',
  '/proc/self/ns/pid': '→ pid:[4026531836]',
  '/proc/self/ns/user': '→ user:[4026531837]',
  '/proc/loadavg': '0.00 0.01 0.05 2/345 6789\n',
  '/proc/meminfo':
    'MemTotal:       65775372 kB\nMemAvailable:   60000000 kB\nSwapTotal:       1000000 kB\nCommitLimit:    33887684 kB\nCommitted_AS:    2000000 kB\n',
  '/proc/sys/kernel/pid_max': '4194304\n',
  '/proc/sys/kernel/threads-max': '513000\n',
  '/proc/sys/fs/file-max': '9223372036854775807\n',
  '/proc/sys/fs/file-nr': '1500\t0\t9223372036854775807\n',
  '/proc/sys/net/ipv4/udp_mem': '1527000\t2036000\t3054000\n',
  '/proc/sys/net/ipv4/ip_local_port_range': '32768\t60999\n',
  '/sys/fs/cgroup/user.slice/pids.max': 'max\n',
  '/sys/fs/cgroup/user.slice/pids.current': '120\n',
  '/sys/fs/cgroup/user.slice/user-1000.slice/pids.max': '10813\n',
  '/sys/fs/cgroup/user.slice/user-1000.slice/pids.current': '25\n',
  '/sys/fs/cgroup/user.slice/user-1000.slice/memory.max': '8589934592\n',
  '/sys/fs/cgroup/user.slice/user-1000.slice/memory.current': '1048576\n',
  '/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope/pids.max': 'max\n',
  '/run/systemd/system/x': '',
  '/usr/lib/systemd/libsystemd-shared-252.so': '',
  '/etc/systemd/logind.conf': '[Login]\n#UserTasksMax=33%\nUserTasksMax=50000\n',
  '/etc/systemd/system.conf.d/10-tasks.conf': '[Manager]\nDefaultTasksMax=30%\n',
  '/etc/security/limits.conf': '# nofile is set here\n*  hard  nofile  100000\n',
  '/proc/net/tcp':
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 0100007F:2710 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 501 1 0 100 0 0 10 0\n',
};

/** A container with cgroup v1, whose cgroups are not the host's roots. */
export const CONTAINER: Record<string, string> = {
  ...SYSTEMD_HOST,
  '/proc/self/cgroup':
    '8:pids:/docker/4f2a/app\n4:cpu,memory:/docker/4f2a/app\n1:name=systemd:/docker/4f2a/app\n0::/\n',
  '/proc/self/mountinfo':
    '35 31 0:32 /docker/4f2a /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n39 31 0:36 /docker/4f2a /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n',
  '/proc/self/status': 'Name:\tnode\nUid:\t0\t0\t0\t0\n',
  '/proc/self/ns/pid': '→ pid:[4026532201]',
  '/proc/self/ns/cgroup': '→ cgroup:[4026532202]',
  '/.dockerenv': '',
  '/sys/fs/cgroup/pids/pids.max': '512\n',
  '/sys/fs/cgroup/pids/pids.current': '9\n',
  '/sys/fs/cgroup/pids/app/pids.max': 'max\n',
  '/sys/fs/cgroup/memory/memory.limit_in_bytes': '2147483648\n',
  '/sys/fs/cgroup/memory/memory.usage_in_bytes': '4096\n',
  '/sys/fs/cgroup/memory/app/memory.limit_in_bytes': '9223372036854771712\n',
};
