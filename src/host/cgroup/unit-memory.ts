import { tryCommand } from '../sys/system-command.ts';

const SYSTEMCTL_TIMEOUT_MS = 30_000;

/**
 * The units of ours in a cgroup's path, topmost first: those whose name begins with `fleetd`. What belongs to others
 * (system.slice, user@1000.service) stays as its owner has set it.
 */
export function ownUnits(path: string): string[] {
  return path.split('/').filter((unit) => unit.startsWith('fleetd'));
}

/**
 * MemoryLow= of the units that contain the agents' tree. A cgroup's memory.low is capped by those above it
 * (cgroup-v2.rst), and only systemd may write the files of a unit: it would reset them at its next reload.
 */
export class UnitMemory {
  readonly #units: readonly string[];
  readonly #onProblem: (error: Error) => void;
  #wantedBytes = 0;
  #setBytes = 0;
  #isSetting = false;
  #hasFailed = false;

  constructor(units: readonly string[], onProblem: (error: Error) => void) {
    this.#units = units;
    this.#onProblem = onProblem;
  }

  /** Sets it until the next boot; of the values that come while systemctl runs, only the last one is set after it. */
  set(bytes: number): void {
    this.#wantedBytes = bytes;
    if (!this.#isSetting && this.#units.length > 0) void this.#setAll();
  }

  async #setAll(): Promise<void> {
    this.#isSetting = true;
    while (this.#setBytes !== this.#wantedBytes) {
      const bytes = this.#wantedBytes;
      for (const unit of this.#units) await this.#setUnit(unit, bytes);
      this.#setBytes = bytes;
    }
    this.#isSetting = false;
  }

  /** Only one failure is reported; later ones have the same cause. */
  async #setUnit(unit: string, bytes: number): Promise<void> {
    const isRoot = process.getuid?.() === 0;
    // Needed to find the user's manager.
    const { XDG_RUNTIME_DIR = '' } = process.env;
    const manager = isRoot ? [] : ['--user'];
    const { ok, text } = await tryCommand(
      'systemctl',
      [...manager, 'set-property', '--runtime', unit, `MemoryLow=${bytes}`],
      { timeoutMs: SYSTEMCTL_TIMEOUT_MS, ...(!isRoot && { env: { XDG_RUNTIME_DIR } }) },
    );
    if (ok || this.#hasFailed) return;
    this.#hasFailed = true;
    this.#onProblem(new Error(`resources.memory.request is not reserved for ${unit}: ${text}`));
  }
}
