import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/workshop/longest-first.ts';
import { whyNoNetworks } from './test/workshop/network.ts';
import { Skipped } from './test/workshop/skipped.ts';

/** Real processes are slow on a busy machine; the limit is only there to end a test that hangs. */
const TEST_TIMEOUT_MS = 120_000;
const PROCESSORS = availableParallelism();
const filesIn = (...rooms: string[]) => rooms.map((room) => `test/${room}/**/*.test.ts`);

/** Tests that run real processes, several files at a time: each has its own directories, processes and network. */
const PROCESSES = filesIn('cli', 'e2e', 'host');
/** Tests that need the machine for themselves or take long: one file at a time, by `npm run test:real`. */
const REAL = [
  ...filesIn('browser', 'chaos', 'long', 'power', 'scaling', 'strangers', 'vm'),
  'test/docs/examples.test.ts',
  'test/e2e/*-crashes.test.ts',
];
/** Tests that read net.ipv4.udp_mem, which only the host's own network has. */
const HOST_NETWORK = ['test/host/**/facts.test.ts'];

const noNetworks = whyNoNetworks();
const ownNetwork = noNetworks === null ? ['test/workshop/own-network.ts'] : [];
if (noNetworks !== null) console.warn(`Tests with real processes run one file at a time: ${noNetworks}.`);

export default defineConfig({
  test: {
    testTimeout: TEST_TIMEOUT_MS,
    hookTimeout: TEST_TIMEOUT_MS,
    reporters: [new Skipped(), 'default'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'decisions',
          include: ['test/**/*.test.ts'],
          exclude: [...PROCESSES, ...REAL],
          maxWorkers: PROCESSORS,
          // They change nothing that others see, so one process can run many files and load the modules once.
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'processes',
          include: PROCESSES,
          exclude: [...REAL, ...HOST_NETWORK],
          // They wait more than they compute.
          maxWorkers: noNetworks === null ? 2 * PROCESSORS + 1 : 1,
          sequence: { groupOrder: 1 },
          setupFiles: ownNetwork,
        },
      },
      {
        extends: true,
        test: {
          name: 'real',
          include: REAL,
          exclude: process.env.FLEET_TEST_LONG ? [] : filesIn('long'),
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
          setupFiles: ownNetwork,
        },
      },
      {
        extends: true,
        test: { name: 'host', include: HOST_NETWORK, maxWorkers: 1, sequence: { groupOrder: 3 } },
      },
    ],
  },
});
