/**
 * Files as a kernel (6.18) wrote them, and the same with what processes and administrators may put there: names with
 * spaces, parentheses, line breaks, bytes that are no UTF-8.
 */

const after =
  'S 1 4321 4321 0 -1 4194560 812 0 0 0 12 7 0 0 20 0 1 0 88731 9453568 1203 18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n';

export const STATS = [
  `4321 (redis-server) ${after}`,
  `4321 (a b) (c) ) ${after}`,
  `4321 (\n) Z 1 (\n) ${after}`,
  Buffer.concat([
    Buffer.from('4321 ('),
    Buffer.from([0xff, 0xfe, 0x00, 0x29, 0x20, 0x80]),
    Buffer.from(`) ${after}`),
  ]),
];

export const SOCKET_TABLES = [
  `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 640 1 000000003cb73027 100 0 0 10 0
   1: 0100007F:1F91 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 71002 1 0000000000000000 20 4 30 10 -1
10000: 0100007F:C350 0100007F:1F91 06 00000000:00000000 03:00000F3B 00000000     0        0 0 3 0000000000000000
`,
  `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:FFFF 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4294967295 1 0000000000000000 100 0 0 10 0
`,
  `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  411: 00000000:2710 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 72001 2 0000000000000000 0
`,
];

export const MEMBERSHIPS = [
  '0::/fleetd.slice/fleetd-agents.service/web/7\n',
  '12:pids:/\n11:cpu,cpuacct:/user.slice\n1:name=systemd:/a:b\n0::/\n',
  '0::/machine.slice/libpod-(deleted)/a b:c\n4:memory,hugetlb:/a\\012b\n',
];

export const MOUNTS = [
  '30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n',
  '24 1 0:22 / /sys rw - sysfs sysfs rw\n31 24 0:27 /sub /mnt/a\\040b rw shared:9 - cgroup cgroup rw,pids\n32 24 0:28 / /memory rw - cgroup cgroup rw,memory\n',
];

export const MEMORY_INFOS = [
  'MemTotal:       24684096 kB\nMemFree:        21484928 kB\nMemAvailable:   24240128 kB\nSwapTotal:             0 kB\nCommitLimit:    12342048 kB\nCommitted_AS:     730112 kB\n',
];

export const PRESSURES = [
  'some avg10=.. avg60=0.12 avg300=1.50 total=123456\n',
  'some avg10=0.00 avg60=0.12 avg300=1.50 total=123456\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
];

const ELF = Buffer.alloc(64);
ELF.write('\x7fELF\x02\x01\x01', 'latin1');
ELF.writeUInt16LE(2, 16);
ELF.writeUInt16LE(62, 18);

export const EXECUTABLES = [
  ELF,
  '#!/bin/sh\nexec sleep 1000\n',
  '#! /usr/bin/env -S node --x\n',
  '#!\n',
  '#!/bin/s\0h\n',
  `#!/${'a'.repeat(250)}`,
  '',
];
