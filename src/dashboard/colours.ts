import { CELL_STATES, type Cell, type CellState } from '../api/dashboard.ts';

export type Theme = 'light' | 'dark';
/** What the colours of the cells show. */
export const COLOURINGS = ['state', 'release', 'memory'] as const;
export type Colouring = (typeof COLOURINGS)[number];

interface Palette {
  /** The background of the cells. */
  ground: string;
  states: Record<CellState, string>;
  /** Used in turn. */
  releases: readonly string[];
  /** From little to much memory. */
  memory: readonly string[];
  unknown: string;
}

/**
 * Healthy agents are a calm blue; trouble is yellow, orange or red, which every kind of colour vision distinguishes from
 * blue. Each colour has a contrast of at least 3:1 with the ground (WCAG 1.4.11), and each state its own glyph (glyphs.ts).
 */
export const PALETTES: Record<Theme, Palette> = {
  dark: {
    ground: '#141a22',
    states: {
      waiting: '#7d8896',
      starting: '#9adcff',
      ready: '#3d83b8',
      unready: '#f5dc5b',
      stopping: '#b7a5ea',
      backoff: '#f29b38',
      failed: '#ff5f45',
      completed: '#5fc9a8',
    },
    releases: ['#3d83b8', '#f2b950', '#5fc9a8', '#d783b9', '#a2a2f0', '#c9c9c9'],
    memory: ['#46699c', '#4f86ab', '#6fa3a0', '#a3bb82', '#d9cf68', '#fff3a0'],
    unknown: '#7d8896',
  },
  light: {
    ground: '#ffffff',
    states: {
      waiting: '#7d8794',
      starting: '#1f93d1',
      ready: '#2a6796',
      unready: '#997300',
      stopping: '#7f62c4',
      backoff: '#cc6200',
      failed: '#c21f0e',
      completed: '#14826a',
    },
    releases: ['#2a6796', '#c26a00', '#14826a', '#b0478c', '#6a5fd0', '#666666'],
    memory: ['#8c8c4a', '#6f8a5c', '#4d826f', '#356f80', '#2a5285', '#22306f'],
    unknown: '#7d8794',
  },
};

/** The range of memory that the colours cover, in KiB. */
export interface MemoryRange {
  from: number;
  to: number;
}

/** The range that most agents use, rounded outwards to 1/16 so that it rarely changes; null if unknown. */
export function memoryRange(cells: Iterable<Cell>): MemoryRange | null {
  const known = [...cells].map(([, , , rssKib]) => rssKib).filter((rssKib) => rssKib >= 0);
  if (known.length === 0) return null;
  known.sort((a, b) => a - b);
  const at = (share: number) => known[Math.floor(share * (known.length - 1))]!;
  const step = 2 ** Math.max(0, Math.floor(Math.log2(at(0.99))) - 4);
  const from = Math.floor(at(0.01) / step) * step;
  return { from, to: Math.max(from + step, Math.ceil(at(0.99) / step) * step) };
}

/** The colour of a cell. */
export function colourOf(cell: Cell, by: Colouring, theme: Theme, range: MemoryRange | null): string {
  const { states, releases, memory, unknown } = PALETTES[theme];
  const [, state, release, rssKib] = cell;
  switch (by) {
    case 'state':
      return states[CELL_STATES[state]!];
    case 'release':
      return release < 0 ? unknown : releases[release % releases.length]!;
    case 'memory': {
      if (rssKib < 0 || !range) return unknown;
      const share = (rssKib - range.from) / (range.to - range.from);
      return memory[Math.min(memory.length - 1, Math.max(0, Math.floor(share * memory.length)))]!;
    }
  }
}
