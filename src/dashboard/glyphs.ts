import type { CellState } from '../api/dashboard.ts';

type Brush = Pick<
  CanvasRenderingContext2D,
  'fillRect' | 'clearRect' | 'beginPath' | 'moveTo' | 'lineTo' | 'fill'
>;

/**
 * Draws the glyph of a state, so that the state does not depend on colour alone: ready is a full square, waiting an
 * outline, starting a square filled from below and stopping from above, unready a triangle, backoff a frame, failed a
 * cross, completed a small square. The caller sets the colour of the brush.
 * @param x the upper left corner, in device pixels like `y` and `size`
 */
export function drawGlyph(brush: Brush, state: CellState, x: number, y: number, size: number): void {
  const line = Math.max(1, Math.round(size / 8));
  const half = Math.ceil(size / 2);
  switch (state) {
    case 'ready':
      brush.fillRect(x, y, size, size);
      return;
    case 'waiting':
      drawFrame(brush, x, y, size, line);
      return;
    case 'starting':
      drawFrame(brush, x, y, size, line);
      brush.fillRect(x, y + size - half, size, half);
      return;
    case 'stopping':
      drawFrame(brush, x, y, size, line);
      brush.fillRect(x, y, size, half);
      return;
    case 'unready':
      brush.beginPath();
      brush.moveTo(x, y + size);
      brush.lineTo(x + size / 2, y);
      brush.lineTo(x + size, y + size);
      brush.fill();
      return;
    case 'backoff':
      drawFrame(brush, x, y, size, Math.max(line, Math.round(size / 4)));
      return;
    case 'failed':
      drawCross(brush, x, y, size);
      return;
    case 'completed': {
      const margin = Math.ceil(size / 4);
      brush.fillRect(x + margin, y + margin, size - 2 * margin, size - 2 * margin);
    }
  }
}

function drawFrame(brush: Brush, x: number, y: number, size: number, line: number): void {
  brush.fillRect(x, y, size, size);
  brush.clearRect(x + line, y + line, size - 2 * line, size - 2 * line);
}

function drawCross(brush: Brush, x: number, y: number, size: number): void {
  const arm = size / 3;
  for (const [fromX, toX] of [
    [x, x + size],
    [x + size, x],
  ] as const) {
    const inward = Math.sign(toX - fromX) * arm;
    brush.beginPath();
    brush.moveTo(fromX, y);
    brush.lineTo(fromX + inward, y);
    brush.lineTo(toX, y + size);
    brush.lineTo(toX - inward, y + size);
    brush.fill();
  }
}
