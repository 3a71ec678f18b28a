import { defineConfig } from 'vitest/config';

/** Real processes take their time on a busy machine; a test that hangs is ended all the same. */
const TEST_TIMEOUT_MS = 120_000;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: process.env.FLEET_TEST_LONG ? [] : ['test/long/**'],
    testTimeout: TEST_TIMEOUT_MS,
    hookTimeout: TEST_TIMEOUT_MS,
    // Fleets of real processes beside each other would fight for two cores, ports and pids.
    fileParallelism: false,
  },
});
