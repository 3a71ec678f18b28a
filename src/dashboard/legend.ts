import { CELL_STATES, type CellState } from '../api/dashboard.ts';
import { formatCount, formatSize } from '../specification/units.ts';
import { type Colouring, type MemoryRange, PALETTES, type Theme } from './colours.ts';
import { byId, element, setText } from './dom.ts';
import { drawGlyph } from './glyphs.ts';
import type { FleetModel } from './model.ts';

const SWATCH_PX = 14;

/** The states with their counts; selecting one highlights its cells on the map. */
export class Legend {
  readonly #buttons = new Map<CellState, { button: HTMLButtonElement; count: HTMLElement }>();

  /** @param onChoose called with the newly highlighted state, or null */
  constructor(onChoose: (only: CellState | null) => void) {
    for (const state of CELL_STATES) {
      const count = element('b', {}, '0');
      const button = element(
        'button',
        { type: 'button', 'aria-pressed': 'false' },
        swatch(),
        state,
        ' ',
        count,
      );
      button.onclick = () => onChoose(this.#press(state));
      this.#buttons.set(state, { button, count });
      byId('legend').append(element('li', {}, button));
    }
  }

  /** Draws the swatches in the colours of a theme; grey if the cells' colours do not show states. */
  paint(theme: Theme, by: Colouring): void {
    const { states, unknown } = PALETTES[theme];
    for (const [state, { button }] of this.#buttons)
      paintSwatch(button.querySelector('canvas')!, state, by === 'state' ? states[state] : unknown);
  }

  count({ pulse }: FleetModel): void {
    for (const [state, { button, count }] of this.#buttons) {
      const agents = pulse?.[state] ?? 0;
      setText(count, formatCount(agents));
      button.classList.toggle('none', agents === 0);
    }
  }

  #press(state: CellState): CellState | null {
    const isPressed = this.#buttons.get(state)!.button.getAttribute('aria-pressed') === 'true';
    for (const [each, { button }] of this.#buttons)
      button.setAttribute('aria-pressed', String(each === state && !isPressed));
    return isPressed ? null : state;
  }
}

/** Shows the meaning of the colours if they show releases or memory. */
export function showScale(
  fleet: FleetModel | null,
  by: Colouring,
  theme: Theme,
  range: MemoryRange | null,
): void {
  const scale = byId('scale');
  scale.hidden = by === 'state';
  if (!fleet || by === 'state') return;
  const entries = by === 'release' ? releaseEntries(fleet, theme) : memoryEntries(range, theme);
  scale.replaceChildren(
    ...entries.map(([colour, text]) => {
      const sample = swatch();
      paintSwatch(sample, 'ready', colour);
      return element('li', {}, sample, text);
    }),
  );
}

function releaseEntries({ releases, cells }: FleetModel, theme: Theme): [string, string][] {
  const counts = releases.map(() => 0);
  for (const [, , release] of cells.values()) if (release >= 0) counts[release]!++;
  const colours = PALETTES[theme].releases;
  return releases.flatMap((name, index) =>
    counts[index] === 0 ? [] : [[colours[index % colours.length]!, `${name} ${formatCount(counts[index]!)}`]],
  );
}

function memoryEntries(range: MemoryRange | null, theme: Theme): [string, string][] {
  if (!range) return [];
  const { memory } = PALETTES[theme];
  const step = (range.to - range.from) / memory.length;
  return memory.map((colour, index) => [colour, `≥ ${formatSize((range.from + index * step) * 1024)}`]);
}

function swatch(): HTMLCanvasElement {
  const scale = window.devicePixelRatio;
  const side = String(Math.round(SWATCH_PX * scale));
  return element('canvas', { width: side, height: side, class: 'swatch', 'aria-hidden': 'true' });
}

function paintSwatch(canvas: HTMLCanvasElement, state: CellState, colour: string): void {
  const brush = canvas.getContext('2d')!;
  brush.clearRect(0, 0, canvas.width, canvas.height);
  brush.fillStyle = colour;
  drawGlyph(brush, state, 0, 0, canvas.width);
}
