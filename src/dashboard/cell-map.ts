import { CELL_STATES, type CellState } from '../api/dashboard.ts';
import { type Colouring, colourOf, type MemoryRange, memoryRange, type Theme } from './colours.ts';
import { drawGlyph } from './glyphs.ts';
import { cornerOf, type Layout, layOut, move, placeAt } from './layout.ts';
import type { FleetChange, FleetModel } from './model.ts';

/** The share of the window's height that the map fills, unless its smallest cells need more. */
const HEIGHT_SHARE = 0.46;
const FADED_ALPHA = 0.16;

/** The appearance of the map. */
export interface MapStyle {
  by: Colouring;
  theme: Theme;
  /** The highlighted state; null for none. */
  only: CellState | null;
}

/** The cells on their canvas. Only changed cells are drawn again. */
export class CellMap {
  readonly #canvas: HTMLCanvasElement;
  readonly #brush: CanvasRenderingContext2D;
  readonly #cursorMark: HTMLElement;
  #fleet: FleetModel | null = null;
  #style: MapStyle = { by: 'state', theme: 'dark', only: null };
  #layout: Layout = layOut(0, 1, 1, 1);
  #range: MemoryRange | null = null;
  #placeOf = new Map<number, number>();
  #cursorSlot: number | null = null;

  constructor(canvas: HTMLCanvasElement, cursorMark: HTMLElement) {
    this.#canvas = canvas;
    this.#brush = canvas.getContext('2d')!;
    this.#cursorMark = cursorMark;
  }

  /** The range of memory that the colours cover; null unless they show memory. */
  get range(): MemoryRange | null {
    return this.#range;
  }

  /** The slot under the cursor; null if there is none. */
  get cursor(): number | null {
    return this.#cursorSlot;
  }

  /** Shows a fleet in a style, and draws everything again. */
  show(fleet: FleetModel | null, style: MapStyle): void {
    this.#fleet = fleet;
    this.#style = style;
    this.reshape();
  }

  /** Handles a change of the width: if the layout changes, everything is drawn again. */
  resized(): void {
    const { columns, pitch } = this.#fitting();
    if (columns !== this.#layout.columns || pitch !== this.#layout.pitch) this.reshape();
  }

  /** Computes a new layout, because slots came or went, or the width changed. */
  reshape(): void {
    const order = this.#fleet?.order ?? [];
    this.#placeOf = new Map(order.map((slot, place) => [slot, place]));
    const scale = window.devicePixelRatio;
    this.#layout = this.#fitting();
    const { columns, rows, pitch } = this.#layout;
    this.#canvas.width = columns * pitch;
    this.#canvas.height = rows * pitch;
    this.#canvas.style.width = `${(columns * pitch) / scale}px`;
    this.#canvas.style.height = `${(rows * pitch) / scale}px`;
    this.#canvas.dataset.pitch = String(pitch);
    this.redraw();
    this.moveTo(this.#cursorSlot !== null && this.#placeOf.has(this.#cursorSlot) ? this.#cursorSlot : null);
  }

  /** Draws the changes of an update. */
  update({ slots, isReshaped }: FleetChange): void {
    if (isReshaped) this.reshape();
    else if (this.#style.by === 'memory' && this.#hasNewRange()) this.redraw();
    else this.#draw(slots);
  }

  /** Draws every cell again, in the present layout. */
  redraw(): void {
    this.#range = this.#style.by === 'memory' && this.#fleet ? memoryRange(this.#fleet.cells.values()) : null;
    this.#draw(this.#fleet?.order ?? []);
  }

  /** Puts the cursor on a slot, or hides it (null). */
  moveTo(slot: number | null): void {
    this.#cursorSlot = slot;
    this.#cursorMark.hidden = slot === null;
    if (slot === null) return;
    const scale = window.devicePixelRatio;
    const { x, y } = cornerOf(this.#layout, this.#placeOf.get(slot)!);
    const side = `${this.#layout.size / scale}px`;
    Object.assign(this.#cursorMark.style, { width: side, height: side });
    this.#cursorMark.style.translate = `${x / scale}px ${y / scale}px`;
  }

  /** The slot to which a key moves the cursor; null for a key that does not move it. */
  slotAfter(key: string): number | null {
    const from = this.#cursorSlot === null ? null : this.#placeOf.get(this.#cursorSlot)!;
    const place = move(this.#layout, from ?? 0, key);
    if (place === null || this.#layout.count === 0) return null;
    return this.#fleet!.order[from === null ? 0 : place]!;
  }

  /** The slot at a point of the canvas, in CSS pixels; null outside all cells. */
  slotAt(x: number, y: number): number | null {
    const scale = window.devicePixelRatio;
    const place = placeAt(this.#layout, x * scale, y * scale);
    return place === null ? null : this.#fleet!.order[place]!;
  }

  /** The layout for the present slots and size. */
  #fitting(): Layout {
    const { clientWidth } = this.#canvas.parentElement!;
    const height = window.innerHeight * HEIGHT_SHARE;
    return layOut(this.#fleet?.order.length ?? 0, clientWidth, height, window.devicePixelRatio);
  }

  #hasNewRange(): boolean {
    const range = memoryRange(this.#fleet!.cells.values());
    return range?.from !== this.#range?.from || range?.to !== this.#range?.to;
  }

  #draw(slots: readonly number[]): void {
    const { by, theme, only } = this.#style;
    const { size } = this.#layout;
    for (const slot of slots) {
      const cell = this.#fleet!.cells.get(slot);
      if (!cell) continue;
      const { x, y } = cornerOf(this.#layout, this.#placeOf.get(slot)!);
      const state = CELL_STATES[cell[1]]!;
      this.#brush.clearRect(x, y, size, size);
      this.#brush.globalAlpha = only === null || only === state ? 1 : FADED_ALPHA;
      this.#brush.fillStyle = colourOf(cell, by, theme, this.#range);
      drawGlyph(this.#brush, state, x, y, size);
    }
    // The number of cells drawn so far; tests read it to see that an update draws only what it changes.
    this.#canvas.dataset.drawn = String(Number(this.#canvas.dataset.drawn ?? 0) + slots.length);
  }
}
