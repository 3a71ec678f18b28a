import { oneLine } from './plain.ts';
import type { Colour, Paint } from './style.ts';

export interface Column<Row> {
  title: string;
  cell: (row: Row) => string;
  align?: 'left' | 'right';
  colour?: (row: Row) => Colour | null;
}

export interface TableOptions {
  paint: Paint;
  /** The maximum length of a line, in characters; absent: unlimited. */
  widthMax?: number | undefined;
}

/** A table as wide as its content. Cells may hold text of agents; this makes them safe for a terminal. */
export function formatTable<Row>(
  columns: Column<Row>[],
  rows: Row[],
  { paint, widthMax }: TableOptions,
): string {
  const cells = rows.map((row) => columns.map((column) => oneLine(column.cell(row))));
  const widths = columns.map((column, at) =>
    cells.reduce((width, row) => Math.max(width, row[at]!.length), column.title.length),
  );
  const line = (texts: string[], colourAt: (at: number) => Colour | null): string => {
    // A serial console reports 0 columns for an unknown width.
    let room = widthMax || Number.POSITIVE_INFINITY;
    const painted = texts.map((text, at) => {
      const shown = aligned(text, widths[at]!, columns[at]!.align, at === texts.length - 1).slice(
        0,
        Math.max(room, 0),
      );
      room -= widths[at]! + GAP.length;
      return paint(colourAt(at), shown);
    });
    return painted.join(GAP).trimEnd();
  };
  const head = line(
    columns.map((column) => column.title),
    () => 'dim',
  );
  return [
    head,
    ...cells.map((texts, row) => line(texts, (at) => columns[at]!.colour?.(rows[row]!) ?? null)),
  ].join('\n');
}

const GAP = '  ';

function aligned(text: string, width: number, align: 'left' | 'right' = 'left', last: boolean): string {
  if (align === 'right') return text.padStart(width);
  return last ? text : text.padEnd(width);
}
