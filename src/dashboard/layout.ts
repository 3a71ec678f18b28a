/** The positions of cells: lengths in device pixels, places counted from 0 in reading order. */
export interface Layout {
  count: number;
  columns: number;
  rows: number;
  /** The distance from one cell to the next. */
  pitch: number;
  /** The size of a cell. */
  size: number;
}

/** In CSS pixels. Smaller cells cannot be distinguished or hit; larger ones waste space. */
const PITCH = { min: 4, max: 40 } as const;
/** The share of the pitch that is left empty. */
const GAP_SHARE = 1 / 7;

/**
 * Computes the largest cells with which all of them fit into a box. If even the smallest do not fit, the map becomes
 * higher than the box.
 * @param width the width of the box, in CSS pixels like `height`
 * @param scale device pixels per CSS pixel
 */
export function layOut(count: number, width: number, height: number, scale: number): Layout {
  const [widthPx, heightPx] = [Math.floor(width * scale), Math.floor(height * scale)];
  const pitchMin = Math.round(PITCH.min * scale);
  let pitch = Math.round(PITCH.max * scale);
  const rowsAt = (candidate: number) => Math.ceil(count / Math.max(1, Math.floor(widthPx / candidate)));
  while (pitch > pitchMin && rowsAt(pitch) * pitch > heightPx) pitch--;
  const columns = Math.max(1, Math.floor(widthPx / pitch));
  return {
    count,
    columns,
    rows: Math.ceil(count / columns),
    pitch,
    size: pitch - Math.max(1, Math.round(pitch * GAP_SHARE)),
  };
}

/** The upper left corner of a place. */
export function cornerOf({ columns, pitch }: Layout, place: number): { x: number; y: number } {
  return { x: (place % columns) * pitch, y: Math.floor(place / columns) * pitch };
}

/** The place at a point; null outside all cells. */
export function placeAt({ columns, pitch, count }: Layout, x: number, y: number): number | null {
  const column = Math.floor(x / pitch);
  const place = Math.floor(y / pitch) * columns + column;
  return x >= 0 && y >= 0 && column < columns && place < count ? place : null;
}

/** The place to which a key moves the cursor; null for a key that does not move it. */
export function move({ columns, count }: Layout, place: number, key: string): number | null {
  const targets: Record<string, number> = {
    ArrowLeft: place - 1,
    ArrowRight: place + 1,
    ArrowUp: place - columns,
    ArrowDown: place + columns,
    Home: place - (place % columns),
    End: place - (place % columns) + columns - 1,
    PageUp: place - 10 * columns,
    PageDown: place + 10 * columns,
  };
  const target = targets[key];
  return target === undefined ? null : Math.min(count - 1, Math.max(0, target));
}
