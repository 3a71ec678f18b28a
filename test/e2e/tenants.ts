import { chmodSync, lstatSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentRow } from '../../src/api/agents.ts';
import { until, World } from './harness.ts';

/** Slot i runs as this uid plus i. */
export const BASE_UID = 100_000;
/** The slot whose agent attacks, and the one beside it, which is attacked. */
export const [ATTACKER, VICTIM] = [0, 1];

/** A fleet of two tenants with users of their own: the first one runs a script, the other one sleeps. */
export class Tenants extends World {
  readonly precious = join(this.root, 'precious');

  constructor() {
    super();
    // A test's directory is its maker's alone; that of a host's supervisor is not.
    chmodSync(this.root, 0o711);
    writeFileSync(this.precious, 'as it was', { mode: 0o600 });
  }

  /**
   * Starts them.
   * @param attack a perl script that the attacker runs; `$dir`, `$socket`, `$state`, `$runtime` and `$precious`
   *   (root's file) are places, `say_so($text)` tells the test, `attempt($what, $is_done)` how something came out
   * @param count 1: without the other one
   * @returns what runs once the command has ended, be it well or not
   */
  async attack(attack: string, spec: Record<string, unknown> = {}, count = 2): Promise<AgentRow[]> {
    const script = this.write('attack.pl', PREAMBLE + attack);
    chmodSync(script, 0o644);
    const command = [
      'sh',
      '-c',
      `[ $FLEET_SLOT = ${ATTACKER} ] && exec perl ${script}; exec sleep 100000`,
      '{socket}',
    ];
    const document = {
      name: 'web',
      command,
      user: { base: BASE_UID },
      ready: { after: '1ms' },
      rounds: { parallel: 10, delay: '0s' },
      restart: { backoff: { min: '10ms', max: '50ms' }, storm: 'off' },
      stop: { grace: '500ms' },
      ...spec,
    };
    await this.fleetctl('spawn', String(count), '-f', this.write('web.json', JSON.stringify(document)));
    return await this.ps();
  }

  /** Writes a line for the attacker, which waits for it with `told()`. */
  tell(line: string): void {
    const directory = join(this.stateDir, 'fleets/web', String(ATTACKER));
    writeFileSync(join(directory, 'told.new'), line);
    renameSync(join(directory, 'told.new'), join(directory, 'told'));
  }

  /** What the attacker has said, once it has said that it is done. */
  async said(): Promise<string[]> {
    const path = join(this.stateDir, 'fleets/web', String(ATTACKER), 'said');
    const lines = () => {
      try {
        return readFileSync(path, 'utf8').trim().split('\n');
      } catch {
        return [];
      }
    };
    await until(() => lines().includes('done'), 20_000, 'the attacker is done');
    return lines().slice(0, -1);
  }

  /** What belongs to root, and is to stay as it was. */
  get loot(): { content: string; owner: number; mode: string; links: number } {
    const { uid, mode, nlink } = lstatSync(this.precious);
    return {
      content: readFileSync(this.precious, 'utf8'),
      owner: uid,
      mode: (mode & 0o777).toString(8),
      links: nlink,
    };
  }
}

/** `loot` of a file that nobody got at. */
export const UNTOUCHED = { content: 'as it was', owner: 0, mode: '600', links: 1 };

const PREAMBLE = `
use strict; use warnings; use POSIX; use Socket; use IO::Handle;
my ($dir, $socket) = ($ENV{FLEET_DIR}, $ENV{FLEET_SOCKET});
(my $root = $dir) =~ s{/s/fleets/web/0$}{};
my ($state, $runtime, $precious) = ("$root/s", "$root/r", "$root/precious");
open my $said, '>>', "$dir/said" or die; $said->autoflush(1);
sub told {
  select undef, undef, undef, 0.05 until -e "$dir/told";
  open my $in, '<', "$dir/told" or die;
  return split ' ', <$in>;
}
sub say_so { print $said "$_[0]\\n" }
sub attempt { my ($what, $is_done) = @_; say_so("$what: " . ($is_done ? 'DONE' : $!)) }
`;
