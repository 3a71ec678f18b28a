import { tryCommand } from '../sys/system-command.ts';

const SYSTEMCTL_TIMEOUT_MS = 30_000;

/**
 * The units of ours that a cgroup's path goes through, the topmost first: those whose name begins with `fleetd`. What
 * belongs to others (system.slice, user@1000.service) stays as its owner has set it.
 */
export function ownUnits(path: string): string[] {
  return path.split('/').filter((unit) => unit.startsWith('fleetd'));
}

/**
 * MemoryLow= of the units that the agents' tree stands in. A cgroup's memory.low is capped by those above it
 * (cgroup-v2.rst), and the files of a unit are systemd's to write: it would set them back at its next reload.
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

  /** Sets it until the next boot; values that come while systemctl runs are set after it, the last one only. */
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

  /** One failure is told; those that follow have the same cause. */
  async #setUnit(unit: string, bytes: number): Promise<void> {
    const isRoot = process.getuid?.() === 0;
    // The user's manager is found by it.
    const { XDG_RUNTIME_DIR = '' } = process.env;
    const manager = isRoot ? [] : ['--user'];
    const { ok, text } = await tryCommand(
      'systemctl',
      [...manager, 'set-property', '--runtime', unit, `MemoryLow=${bytes}`],
      { timeoutMs: SYSTEMCTL_TIMEOUT_MS, ...(!isRoot && { env: { XDG_RUNTIME_DIR } }) },
    );
    if (ok || this.#hasFailed) return;
    this.#hasFailed = true;
    this.#onProblem(new Error(`resources.memory.request is not kept free for ${unit}: ${text}`));
  }
}
