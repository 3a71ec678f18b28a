/** Where cells are: all lengths in device pixels, places counted from 0 in reading order. */
export interface Layout {
  count: number;
  columns: number;
  rows: number;
  /** From one cell to the next. */
  pitch: number;
  /** The cell itself. */
  size: number;
}

/** In CSS pixels: smaller cells nobody could tell apart or hit, larger ones waste the wall. */
const PITCH = { min: 4, max: 40 } as const;
/** The part of a pitch that is left empty. */
const GAP_SHARE = 1 / 7;

/**
 * The largest cells with which so many fill a box. Where even the smallest do not fit, the map becomes higher than the
 * box.
 * @param width of the box, in CSS pixels, as `height`
 * @param scale device pixels to a CSS pixel
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

/** The left upper corner of a place. */
export function cornerOf({ columns, pitch }: Layout, place: number): { x: number; y: number } {
  return { x: (place % columns) * pitch, y: Math.floor(place / columns) * pitch };
}

/** The place at a point; null beside all of them. */
export function placeAt({ columns, pitch, count }: Layout, x: number, y: number): number | null {
  const column = Math.floor(x / pitch);
  const place = Math.floor(y / pitch) * columns + column;
  return x >= 0 && y >= 0 && column < columns && place < count ? place : null;
}

/** Where a key takes the cursor; null for a key that moves nothing. */
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
