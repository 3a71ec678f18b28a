import type { HelperEnd, Launch } from '../../src/host/host.ts';
import type { Faults } from './fake-host.ts';
import { type Kernel, type Nature, READY_MS_MIN, WELL_BEHAVED } from './kernel.ts';
import type { Random } from './random.ts';

const ERRNOS = ['EAGAIN', 'ENOMEM', 'ENOENT', 'EACCES', 'EMFILE'];

/** What goes wrong on the host and how agents behave, by chance; until calm(). */
export class RandomFaults implements Faults {
  readonly #random: Random;
  readonly #kernel: () => Kernel;
  #isCalm = false;
  #forkFails = 0;
  #errno = 'EAGAIN';
  #isSlow = false;
  #misbehaving = 0.1;
  #prepareFails = 0;
  #availablePercent = 80;
  #othersFail = 0;
  #filesFail = 0;
  /** Releases, by their V, that cannot get ready. */
  #bad = new Set<string>();

  constructor(random: Random, kernel: () => Kernel) {
    this.#random = random;
    this.#kernel = kernel;
    for (const version of ['v1', 'v2', 'v3', 'v4']) if (random.chance(0.25)) this.#bad.add(version);
  }

  /** Something else goes wrong from now on, or nothing more. @returns what */
  change(): string {
    const random = this.#random;
    switch (
      random.weighted({ fork: 3, slow: 1, agents: 3, prepare: 1, memory: 1, others: 2, files: 1, well: 3 })
    ) {
      case 'fork':
        this.#forkFails = random.pick([0.1, 0.5, 1]);
        this.#errno = random.pick(ERRNOS);
        return `forks fail with ${this.#errno}: ${this.#forkFails}`;
      case 'slow':
        this.#isSlow = true;
        return 'forks are slow';
      case 'agents':
        this.#misbehaving = random.pick([0.2, 0.5, 1]);
        return `agents misbehave: ${this.#misbehaving}`;
      case 'prepare':
        this.#prepareFails = random.pick([0.3, 1]);
        return `prepare fails: ${this.#prepareFails}`;
      case 'memory':
        this.#availablePercent = random.pick([5, 15, 25]);
        return `memory available: ${this.#availablePercent} %`;
      case 'others':
        this.#othersFail = random.pick([0.3, 0.6]);
        return `strays cannot be read, held or moved: ${this.#othersFail}`;
      case 'files':
        this.#filesFail = random.pick([0.3, 1]);
        return `directories fail with EIO: ${this.#filesFail}`;
      case 'well':
        this.#othersFail = 0;
        this.#filesFail = 0;
        this.#forkFails = 0;
        this.#isSlow = false;
        this.#misbehaving = 0.1;
        this.#prepareFails = 0;
        this.#availablePercent = 80;
        return 'nothing more goes wrong';
    }
  }

  /** From now on everything that is started behaves, for ever. */
  calm(): void {
    this.#isCalm = true;
    this.#forkFails = 0;
    this.#othersFail = 0;
    this.#filesFail = 0;
    this.#availablePercent = 80;
  }

  fork(): string | null {
    return this.#random.chance(this.#forkFails) ? this.#errno : null;
  }

  forkMs(): number {
    return this.#isSlow && this.#random.chance(0.2)
      ? this.#random.between(50, 400)
      : this.#random.between(0, 1);
  }

  disk(): string | null {
    return this.#random.chance(this.#filesFail) ? 'EIO' : null;
  }

  handle(): string | null {
    return this.#random.chance(this.#othersFail) ? 'EMFILE' : null;
  }

  isSilent(): boolean {
    return this.#random.chance(this.#othersFail / 3);
  }

  move(): string | null {
    return this.#random.chance(this.#othersFail) ? 'EBUSY' : null;
  }

  availablePercent(): number {
    return this.#availablePercent;
  }

  nature(env: Readonly<Record<string, string>>): Nature {
    const random = this.#random;
    const readyMs = READY_MS_MIN + random.pick([0, 20, 200, 2_000]);
    if (this.#isCalm) return { ...WELL_BEHAVED, readyMs };
    if (this.#bad.has(env.V ?? '')) {
      const isDying = random.chance(0.6);
      return { ...WELL_BEHAVED, readyMs: null, lifeMs: isDying ? random.between(1, 900) : null };
    }
    if (!random.chance(this.#misbehaving)) return { ...WELL_BEHAVED, readyMs };
    return {
      readyMs: random.pick([readyMs, readyMs, 4_900, null]),
      lifeMs: random.pick([null, null, 0, 5, 50, 2_000, 15_000]),
      exit: random.pick([
        { code: 0, signal: null },
        { code: 1, signal: null },
        { code: null, signal: 'SIGSEGV' },
      ]),
      stopMs: random.pick([0, 20, 1_000, 3_990, null]),
      forks: random.chance(0.3),
      logBytes: random.pick([0, 40, 400_000, 3_000_000]),
    };
  }

  helper({ argv, env }: Launch): { ms: number; end: HelperEnd } | { error: string } {
    const random = this.#random;
    const ms = random.pick([1, 20, 300]);
    if (argv.includes('check')) {
      const of = (name: string) => env.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
      const [main] = this.#kernel().inSlot(`${of('FLEET_NAME')}/${of('FLEET_SLOT')}`);
      return { ms, end: { code: main?.isReady ? 0 : 1, signal: null } };
    }
    if (this.#isCalm || !random.chance(this.#prepareFails)) return { ms, end: { code: 0, signal: null } };
    if (random.chance(0.3)) return { error: random.pick(['ENOMEM', 'EAGAIN', 'EACCES']) };
    return { ms: random.pick([ms, 6_000]), end: { code: 1, signal: null } };
  }
}
