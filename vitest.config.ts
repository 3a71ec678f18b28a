import { defineConfig } from 'vitest/config';

/** Real processes take their time on a busy machine; a test that hangs is ended all the same. */
const TEST_TIMEOUT_MS = 120_000;
/** Rooms whose tests run real processes, on a machine that they share. */
const REAL = ['browser', 'chaos', 'cli', 'docs', 'e2e', 'host', 'long', 'power', 'scaling', 'vm'].map(
  (room) => `test/${room}/**/*.test.ts`,
);

export default defineConfig({
  test: {
    testTimeout: TEST_TIMEOUT_MS,
    hookTimeout: TEST_TIMEOUT_MS,
    // Fleets of real processes beside each other would fight for two cores, ports and pids.
    fileParallelism: false,
    projects: [
      {
        extends: true,
        test: { name: 'decisions', include: ['test/**/*.test.ts'], exclude: REAL },
      },
      {
        extends: true,
        test: {
          name: 'real',
          include: REAL,
          exclude: process.env.FLEET_TEST_LONG ? [] : ['test/long/**'],
          // What a neighbour on the machine does to a real process is not ours: such a test may try twice. vitest
          // marks the ones that did, and each is to be looked into. What is decided is decided at the first try.
          retry: 1,
        },
      },
    ],
  },
});
