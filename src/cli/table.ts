import { oneLine } from './plain.ts';
import type { Colour, Paint } from './style.ts';
import { cutTo, widthOf } from './width.ts';

export interface Column<Row> {
  title: string;
  cell: (row: Row) => string;
  align?: 'left' | 'right';
  colour?: (row: Row) => Colour | null;
  /** A column that a narrow terminal may do without; that with the highest number goes first. */
  spare?: number;
  /** A narrow terminal shows at least so much of each text. Absent: all of it; of the last column, as much as its title. */
  widthMin?: number;
}

export interface TableOptions {
  paint: Paint;
  /** The maximum width of a line, in columns of the terminal; absent or 0 (a serial console): unlimited. */
  widthMax?: number | undefined;
}

/** A column that is shown, and how wide. */
interface Place {
  at: number;
  width: number;
}

const GAP = '  ';

/** A table as wide as its content or the terminal. Cells may hold text of agents; this makes them safe for a terminal. */
export function formatTable<Row>(
  columns: Column<Row>[],
  rows: Row[],
  { paint, widthMax }: TableOptions,
): string {
  const cells = rows.map((row) => columns.map((column) => oneLine(column.cell(row))));
  const widths = columns.map(({ title }, at) =>
    cells.reduce((width, row) => Math.max(width, widthOf(row[at]!)), title.length),
  );
  const places = arrange(columns, widths, widthMax || Number.POSITIVE_INFINITY);
  const line = (texts: string[], colourAt: (at: number) => Colour | null): string =>
    places
      .map(({ at, width }, i) => {
        const isLast = i === places.length - 1;
        return paint(colourAt(at), aligned(cutTo(texts[at]!, width), width, columns[at]!.align, isLast));
      })
      .join(GAP)
      .trimEnd();
  const head = line(
    columns.map(({ title }) => title),
    () => 'dim',
  );
  return [
    head,
    ...cells.map((texts, row) => line(texts, (at) => columns[at]!.colour?.(rows[row]!) ?? null)),
  ].join('\n');
}

/** Chooses the columns that have room, and their widths: spare ones go first, then texts are cut, from the right. */
function arrange<Row>(columns: readonly Column<Row>[], widths: readonly number[], room: number): Place[] {
  const least = (at: number) => {
    const { align = 'left', title, widthMin } = columns[at]!;
    const isFreeText = at === columns.length - 1 && align === 'left';
    return Math.min(widths[at]!, widthMin ?? (isFreeText ? title.length : widths[at]!));
  };
  const places = widths.map((width, at) => ({ at, width }));
  const needed = () => sum(places.map(({ at }) => least(at))) + GAP.length * (places.length - 1);
  while (needed() > room && places.length > 1) places.splice(leastNeeded(columns, places), 1);
  let excess = sum(places.map(({ width }) => width)) + GAP.length * (places.length - 1) - room;
  for (const place of places.toReversed()) {
    const less = Math.min(Math.max(0, excess), place.width - least(place.at));
    place.width -= less;
    excess -= less;
  }
  return excess > 0 ? places.map(({ at }) => ({ at, width: room })) : places;
}

/** The index of the place to give up: the most spare column, or else the last one. */
function leastNeeded<Row>(columns: readonly Column<Row>[], places: readonly Place[]): number {
  const spare = places.map(({ at }) => columns[at]!.spare ?? 0);
  const most = Math.max(...spare);
  return most > 0 ? spare.indexOf(most) : places.length - 1;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

function aligned(text: string, width: number, align: 'left' | 'right' = 'left', isLast: boolean): string {
  const padding = ' '.repeat(Math.max(0, width - widthOf(text)));
  if (align === 'right') return padding + text;
  return isLast ? text : text + padding;
}
