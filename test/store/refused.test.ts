import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { WantedStore } from '../../src/store/wanted.ts';
import { NO_STRACE } from '../scaling/strace.ts';
import { closing, newFleet, temporary } from './places.ts';

const STORE = fileURLToPath(new URL('../../src/store/wanted.ts', import.meta.url));
/** How many syncs of the log there are at most before the change that is to be refused. */
const SYNCS_MAX = 12;

/** Accepts a fleet, asks for one slot more, says what came of that, and dies as by kill −9. */
const SCRIPT = `
  const { WantedStore } = await import(process.argv[1]);
  const store = new WantedStore(process.argv[2], process.argv[3]);
  const say = (text) => process.getBuiltinModule('node:fs').writeSync(1, text + '\\n');
  store.write('f', JSON.parse(process.argv[4]));
  say('accepted');
  try {
    store.write('f', JSON.parse(process.argv[5]));
    say('accepted');
  } catch (error) {
    say(error.message);
  }
  process.kill(process.pid, 'SIGKILL');`;

/** Runs the script; the log's sync number `when` fails. @returns what it said */
function run(directory: string, when: number): Promise<string[]> {
  const db = join(directory, 'fleetd.db');
  const [first, second] = [newFleet(3), newFleet(4)].map((change) => JSON.stringify(change));
  const strace = ['-f', '-qq', '-o', '/dev/null', '-P', `${db}-wal`];
  const inject = `inject=fsync,fdatasync:error=EIO:when=${when}`;
  const script = [
    process.execPath,
    '--input-type=module',
    '-e',
    SCRIPT,
    STORE,
    db,
    join(directory, 'wanted.json'),
  ];
  return new Promise((resolve) => {
    execFile('strace', [...strace, '-e', inject, ...script, first!, second!], (_error, stdout) =>
      resolve(stdout.trim().split('\n')),
    );
  });
}

test.skipIf(NO_STRACE !== null)(
  `what was refused because its fsync failed is not there after a kill −9${NO_STRACE ? ` (${NO_STRACE})` : ''}`,
  async () => {
    for (let when = 1; when <= SYNCS_MAX; when++) {
      const directory = temporary();
      const [first, second] = await run(directory, when);
      if (first !== 'accepted' || second === 'accepted') continue;
      expect(second).toMatch(/^cannot write .*fleetd\.db: disk I\/O error \(fsync\)$/);
      const store = closing(new WantedStore(join(directory, 'fleetd.db'), join(directory, 'wanted.json')));
      expect(store.load()[0]!.slots).toHaveLength(3);
      return;
    }
    throw new Error('no sync of the second change was found');
  },
);
