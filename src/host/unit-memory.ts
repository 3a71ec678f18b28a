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
    const manager = process.getuid?.() === 0 ? [] : ['--user'];
    try {
      // Only where it is needed: it costs the start of every supervisor.
      const { execa } = await import('execa');
      await execa('systemctl', [...manager, 'set-property', '--runtime', unit, `MemoryLow=${bytes}`], {
        timeout: SYSTEMCTL_TIMEOUT_MS,
        stdin: 'ignore',
      });
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      const why = (error as { shortMessage?: string; stderr?: string }).stderr || (error as Error).message;
      this.#onProblem(new Error(`resources.memory.request is not kept free for ${unit}: ${why}`));
    }
  }
}
