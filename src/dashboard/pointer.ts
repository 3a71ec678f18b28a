import type { CellMap } from './cell-map.ts';
import { describeCell } from './describe.ts';
import type { Details } from './details.ts';
import { byId, setText } from './dom.ts';
import type { FleetModel } from './model.ts';
import { fetchAgent } from './requests.ts';

/** The time that the pointer rests on a cell before its details are requested. */
const REST_MS = 120;

/** Handles mouse, touch and keys on the map. */
export class Pointer {
  readonly #map: CellMap;
  readonly #details: Details;
  readonly #fleet: () => FleetModel | null;
  readonly #tip = byId('tip');
  #hovered: number | null = null;
  #resting: ReturnType<typeof setTimeout> | undefined;

  /** @param fleet returns the fleet shown */
  constructor(map: CellMap, details: Details, fleet: () => FleetModel | null) {
    this.#map = map;
    this.#details = details;
    this.#fleet = fleet;
    const holder = byId('map');
    holder.tabIndex = 0;
    holder.onpointermove = (event) => this.#hover(event);
    holder.onpointerleave = () => this.#hover(null);
    holder.onclick = (event) => {
      const slot = this.#slotAt(event);
      if (slot !== null) this.#open(slot);
    };
    holder.onkeydown = (event) => this.#press(event);
  }

  /** Updates the descriptions of cells, which may have changed. */
  refresh(): void {
    const { cursor } = this.#map;
    if (cursor !== null) this.#announce(cursor);
    if (this.#hovered !== null) this.#describe(this.#hovered);
  }

  #press(event: KeyboardEvent): void {
    const { key } = event;
    const slot = this.#map.slotAfter(key);
    if (slot !== null) {
      this.#map.moveTo(slot);
      this.#announce(slot);
    } else if (key === 'Enter' && this.#map.cursor !== null) {
      this.#open(this.#map.cursor);
      byId('details-title').focus();
    } else if (key === 'Escape') this.#details.close();
    else return;
    event.preventDefault();
  }

  #open(slot: number): void {
    this.#map.moveTo(slot);
    this.#announce(slot);
    void this.#details.open(this.#fleet()!.name, slot);
  }

  #announce(slot: number): void {
    setText(byId('spoken'), this.#textOf(slot));
  }

  #hover(event: PointerEvent | null): void {
    const slot = event && event.pointerType === 'mouse' ? this.#slotAt(event) : null;
    if (event && slot !== null) this.#tip.style.translate = tipPlace(event);
    if (slot === this.#hovered) return;
    this.#hovered = slot;
    this.#tip.hidden = slot === null;
    clearTimeout(this.#resting);
    if (slot === null) return;
    this.#describe(slot);
    this.#resting = setTimeout(() => void this.#describeFully(slot), REST_MS);
  }

  #describe(slot: number): void {
    setText(this.#tip, this.#textOf(slot));
  }

  async #describeFully(slot: number): Promise<void> {
    const found = await fetchAgent(this.#fleet()!.name, slot);
    if (this.#hovered !== slot || !found?.agent) return;
    const { pid, port, lastExit } = found.agent;
    const parts = [
      this.#textOf(slot),
      ...(pid === null ? [] : [`pid ${pid}`]),
      ...(port === null ? [] : [`port ${port}`]),
      ...(lastExit ? [`last exit: ${lastExit.reason}`] : []),
    ];
    setText(this.#tip, parts.join(', '));
  }

  #textOf(slot: number): string {
    const fleet = this.#fleet();
    const cell = fleet?.cells.get(slot);
    return fleet && cell ? describeCell(fleet, cell) : `Slot ${slot} is gone`;
  }

  #slotAt({ clientX, clientY }: MouseEvent): number | null {
    const { left, top } = byId('cells').getBoundingClientRect();
    return this.#map.slotAt(clientX - left, clientY - top);
  }
}

/** Next to the pointer, towards the middle of the map, so that the tip stays within it. */
function tipPlace({ clientX, clientY }: PointerEvent): string {
  const { left, top, width } = byId('map').getBoundingClientRect();
  const [x, y] = [clientX - left, clientY - top];
  return x > width / 2 ? `calc(${x - 12}px - 100%) ${y + 14}px` : `${x + 12}px ${y + 14}px`;
}
