import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readConnections, readPorts } from '../../src/host/proc/net.ts';
import { findSocketFd, listPids, readCommand, readLink, readRssBytes } from '../../src/host/proc/pid.ts';
import { PortTable } from '../../src/host/proc/port-table.ts';
import { readProc, readProcText } from '../../src/host/proc/read.ts';
import { parseStat, readStat } from '../../src/host/proc/stat.ts';
import { currentTicks } from '../../src/host/sys/clock.ts';
import { closeFd, openPidfd, reapPid, signalPidfd } from '../../src/host/sys/pidfd.ts';
import { Scratch } from './processes.ts';

let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.dispose());

describe('/proc/PID/stat', () => {
  /** What follows the name, as captured from an agent: parent 812, group and session 4711, started at tick 190123. */
  const REST =
    ' S 812 4711 4711 0 -1 4194560 90 0 0 0 1 0 0 0 20 0 1 0 190123 2572288 231 18446744073709551615 1 1 0 0 0 0 0 4096';
  const IDENTITY = {
    pid: 4711,
    state: 'S',
    parent: 812,
    group: 4711,
    session: 4711,
    startTicks: 190123,
    threads: 1,
  };

  test.each(['sh', 'a name)', ') R 1 1 1 (', '((((((((((((((('.slice(0, 15), 'two\nlines', ' ', ''])(
    'is read past a name like %j',
    (name) => {
      expect(parseStat(`4711 (${name})${REST}\n`)).toEqual({ ...IDENTITY, name });
    },
  );

  test('is read past a name that is not UTF-8', () => {
    const line = Buffer.concat([
      Buffer.from('4711 ('),
      Buffer.from([0xff, 0xc3, 0x28, 0x29]),
      Buffer.from(`)${REST}`),
    ]);
    expect(parseStat(line.toString('latin1'))).toEqual({ ...IDENTITY, name: '\xff\xc3()' });
  });

  test.each(['', 'nonsense', '4711 (sh', '4711 (sh)', '4711 (sh) S 812 4711', `x (sh)${REST}`])(
    'says that %j is no stat line',
    (text) => expect(parseStat(text)).toBeNull(),
  );

  test('takes any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseStat(text)));
  });

  test('tells a live process with a hostile name', async () => {
    const pid = scratch.start(
      'printf ") R 1 (x" > /proc/$$/comm; echo $$ > named; exec 3<&0; while :; do sleep 1000; done',
    );
    await scratch.pids('named', 1);
    expect(readCommand(pid)).toBe(') R 1 (x');
    expect(readStat(pid)).toMatchObject({ pid, parent: process.pid, session: pid, group: pid });
  });

  test('gives a child a start time within the ticks around its start', () => {
    for (let i = 0; i < 50; i++) {
      const before = currentTicks();
      const pid = scratch.start('exit 0');
      const after = currentTicks();
      const { startTicks } = readStat(pid)!;
      reapPid(pid);
      expect(startTicks).toBeGreaterThanOrEqual(before);
      expect(startTicks).toBeLessThanOrEqual(after);
    }
  });

  test('is null where there is no such process', () => {
    const pid = scratch.start('exit 0');
    reapPid(pid);
    expect(readStat(pid)).toBeNull();
    expect(readLink(pid, 'exe')).toBeNull();
    expect(readRssBytes(pid)).toBeNull();
    expect(readCommand(pid)).toBe('unknown');
  });
});

test('reads a file of /proc that is larger than the buffer it begins with', () => {
  // Every symbol of the kernel: megabytes, handed out in pieces, of a size that stat(2) calls 0.
  const whole = readProc('/proc/kallsyms');
  if (whole === null || whole.length < 128 * 1024) return;
  expect(whole.subarray(-1).toString()).toBe('\n');
});

test('a file that is gone is null, one that cannot be read so is an error', () => {
  expect(readProc('/proc/0/stat')).toBeNull();
  expect(readProcText('/proc/self/no-such-file')).toBeNull();
  expect(() => readProc('/proc/self')).toThrow('EISDIR');
});

test('lists this process among all', () => {
  expect(listPids()).toContain(process.pid);
});

describe('the kernel’s tables of sockets', () => {
  const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     
   0: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 640 1 000000003cb73027 100 0 0 10 0                       
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 71001 1 0000000000000000 100 0 0 10 0
   2: 0100007F:1F91 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 71002 1 0000000000000000 20 4 30 10 -1
   3: 0200007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 71003 1 0000000000000000 100 0 0 10 0
10000: 0100007F:C350 0100007F:1F91 06 00000000:00000000 03:00000F3B 00000000     0        0 0 3 0000000000000000
`;
  const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 71004 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:FFFF 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4294967295 1 0000000000000000 100 0 0 10 0
`;
  const UDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            
  411: 00000000:2710 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 72001 2 0000000000000000 0        
  412: 0100007F:2711 0100007F:0035 01 00000000:00000000 00:00000000 00000000   101        0 72002 2 0000000000000000 0        
  411: 00000000:2710 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 72003 2 0000000000000000 0        
`;
  const UDP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  413: 00000000000000000000000000000000:2712 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 72004 2 0000000000000000 0
`;
  const tables = (protocol: 'tcp' | 'udp', ...texts: string[]) => {
    const ports = new PortTable();
    for (const text of texts) ports.addTable(Buffer.from(text, 'latin1'), protocol);
    return ports;
  };

  test('tell who listens on a tcp port, and on nothing else', () => {
    const ports = tables('tcp', TCP);
    expect(ports.inodes(0x07e8)).toEqual([640]);
    expect(ports.inodes(0x1f91)).toEqual([]); // established
    expect(ports.inodes(0xc350)).toEqual([]); // TIME_WAIT, which belongs to nobody
    expect(ports.inodes(1)).toEqual([]);
  });

  test('tell how many connections are established at each local port', async () => {
    mkdirSync(scratch.path('net'));
    writeFileSync(scratch.path('net/tcp'), `${TCP}${TCP.split('\n')[3]}\n`);
    writeFileSync(
      scratch.path('net/tcp6'),
      TCP6.replace(
        '00:1F90 00000000000000000000000000000000:0000 0A',
        '00:1F91 00000000000000000000000001000000:0001 01',
      ),
    );
    const connections = await readConnections(['127.0.0.1', '127.0.0.2'], scratch.root);
    expect(connections.of(0x1f91, null)).toBe(3);
    expect(connections.of(0x1f90, null)).toBe(0);
    expect(connections.of(0x1f91, '127.0.0.1')).toBe(2);
    expect(connections.of(0x1f91, '127.0.0.2')).toBe(0);
  });

  test('tell the sockets of a port by address: one, IPv4 in IPv6, or any', () => {
    const v6 = (address: string, inode: number) =>
      `   0: ${address}:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1\n`;
    const table = tables(
      'tcp',
      `head\n${v6('0000000000000000FFFF00000800107F', 1)}${v6('000000FD000000000000000008000000', 2)}`,
      `head\n${v6('0'.repeat(32), 3)}${v6('0000000000000000FFFF000000000000', 4)}`,
    );
    expect(table.inodesAt(0x1f90, '127.16.0.8')).toEqual([1]);
    expect(table.inodesAt(0x1f90, 'fd00::8')).toEqual([2]);
    expect(table.inodesAt(0x1f90, '127.16.0.9')).toEqual([]);
    expect(table.inodesAtAny(0x1f90)).toEqual([3, 4]);
    expect(table.inodesFor(0x1f90, '127.16.0.9')).toEqual([3, 4]);
    expect(table.inodesFor(0x1f90, 'fd00::8')).toEqual([2, 3]);
    expect([1, 2, 3, 4].map((inode) => table.textOf(inode))).toEqual([
      '127.16.0.8',
      'fd00::8',
      '::',
      '0.0.0.0',
    ]);
    table.add(0x1f90, 5, '00000000000000000000000000000000', true);
    expect(table.inodesFor(0x1f90, '127.16.0.8')).toEqual([1, 3, 4]);
    expect(table.inodesFor(0x1f90, 'fd00::8')).toEqual([2, 3, 5]);
  });

  test('tell every socket of a port: other addresses, IPv6, SO_REUSEPORT', () => {
    expect(tables('tcp', TCP, TCP6).inodes(0x1f90)).toEqual([71001, 71003, 71004]);
    expect(tables('udp', UDP).inodes(0x2710)).toEqual([72001, 72003]);
  });

  test('tell a bound udp port, connected or not', () => {
    const ports = tables('udp', UDP, UDP6);
    expect(ports.inodes(0x2711)).toEqual([72002]);
    expect(ports.inodes(0x2712)).toEqual([72004]);
  });

  test('reach to the last port and the highest inode', () => {
    expect(tables('tcp', TCP6).inodes(65535)).toEqual([4294967295]);
    expect(tables('tcp', TCP6).inodes(65536)).toEqual([]);
    expect(tables('tcp', TCP6).inodes(-1)).toEqual([]);
  });

  test('are read as far as they go where a line is cut off', () => {
    // Before the inode there is nothing to tell, and a digit of it less would be another socket: only whole lines count
    // for the ports behind the cut, and none of those before it is lost.
    for (let end = 0; end < TCP.length; end++) {
      const ports = tables('tcp', TCP.slice(0, end));
      if (end > TCP.indexOf('\n   1:')) expect(ports.inodes(0x07e8)).toEqual([640]);
      if (end < TCP.indexOf('71001')) expect(ports.inodes(0x1f90)).toEqual([]);
    }
  });

  test('a malformed line says nothing of the lines around it', () => {
    const [header = '', first = '', second = '', ...rest] = TCP.split('\n');
    for (let end = 0; end < first.length - 60; end++) {
      const ports = tables('tcp', [header, first, second.slice(0, end), ...rest].join('\n'));
      expect(ports.inodes(0x07e8)).toEqual([640]);
      expect(ports.inodes(0x1f90)).toContain(71003);
      expect(ports.inodes(0x1f91)).toEqual([]);
    }
  });

  test('take any rubbish', () => {
    const pieces = fc.oneof(
      fc.constantFrom(
        ':',
        ' ',
        '\n',
        '0A',
        '0: ',
        '00000000:1F90 ',
        ' 0A 00000000:00000000 00:00000000 00000000 0 0 7',
      ),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), fc.constantFrom('tcp', 'udp'), (parts, protocol) => {
        const ports = tables(protocol as 'tcp' | 'udp', parts.join(''));
        for (const inode of ports.inodes(0x1f90)) expect(inode).toBeGreaterThan(0);
      }),
    );
  });

  test('prove that a socket is a process’s own', async () => {
    const server: Server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as { port: number };
      const inodes = readPorts('tcp').inodes(port);
      expect(inodes).toHaveLength(1);
      const fd = findSocketFd(process.pid, inodes, null);
      expect(fd).not.toBeNull();
      expect(findSocketFd(process.pid, inodes, fd)).toBe(fd);
      expect(findSocketFd(process.pid, inodes, '0')).toBe(fd);
      const stranger = scratch.start('exec sleep 1000');
      expect(findSocketFd(stranger, inodes, fd)).toBeNull();
      expect(readPorts('udp').inodes(port)).toEqual([]);
      const pidfd = openPidfd(stranger)!;
      signalPidfd(pidfd, 'SIGKILL');
      reapPid(stranger);
      closeFd(pidfd);
    } finally {
      server.close();
    }
  });

  test('are empty where the kernel has none', () => {
    expect(readPorts('tcp', '/nonexistent').inodes(80)).toEqual([]);
  });
});
