import { runDaemon } from './daemon.ts';

await runDaemon(process.argv.slice(2));
