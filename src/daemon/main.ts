import { runDaemon } from './daemon.ts';

void runDaemon(process.argv.slice(2));
