import type { MaintenanceRequest } from '../../api/supervisor.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import type { WantedStore } from '../../store/wanted.ts';
import type { MaintenanceState } from '../../supervisor/maintenance.ts';
import type { Journal } from '../shared/journal.ts';

/** Silences alarms while it lasts; what would raise one reports that instead. Durable. */
export class Maintenance {
  readonly #store: WantedStore;
  readonly #journal: Journal;
  readonly #now: () => Date;

  constructor(store: WantedStore, journal: Journal, now: () => Date) {
    this.#store = store;
    this.#journal = journal;
    this.#now = now;
  }

  /** Until when alarms are silenced (null: until turned on again); null if they are not. */
  get state(): MaintenanceState | null {
    const { maintenance } = this.#store.settings;
    if (!maintenance) return null;
    const isOver = maintenance.until !== null && Date.parse(maintenance.until) <= this.#now().getTime();
    return isOver ? null : maintenance;
  }

  /**
   * Silences alarms, for some time or until they are turned on again, or ends that.
   * @throws FleetError USAGE for a time that no date can represent
   */
  set({ on, forMs }: MaintenanceRequest): MaintenanceState | null {
    const { maintenance: _, ...others } = this.#store.settings;
    const until = forMs === undefined ? null : this.#after(forMs);
    this.#store.writeSettings(on ? { ...others, maintenance: { until } } : others);
    const what = on ? `alarms are silenced${until ? ` until ${until}` : ''}` : 'alarms are on again';
    this.#journal.note('maintenance', null, what);
    return this.state;
  }

  #after(forMs: number): string {
    const end = new Date(this.#now().getTime() + forMs);
    if (forMs > 0 && !Number.isNaN(end.getTime())) return end.toISOString();
    throw new FleetError(
      'USAGE',
      `alarms cannot be silenced for ${forMs} ms: the time must be positive, and its end a valid date`,
      {
        hint: 'Give a time such as 1h, or none; then alarms are silenced until fleetctl maintenance off.',
      },
    );
  }
}
