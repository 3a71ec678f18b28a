import { enterOwnNetwork } from './network.ts';

// For vitest's `setupFiles`: each test file runs in a process of its own, and so has a network of its own.
await enterOwnNetwork();
