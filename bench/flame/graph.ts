/** The part of a CPU profile that a graph needs (Chrome DevTools protocol, Profiler.Profile). */
export interface Profile {
  nodes: {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number };
    children?: number[];
  }[];
  samples: number[];
  timeDeltas: number[];
}

/** A function, the time in it and in what it called, in microseconds, and these calls. */
interface Frame {
  name: string;
  room: string;
  us: number;
  calls: Map<string, Frame>;
}

const WIDTH = 1200;
const ROW = 18;
const HEAD = 44;
const FONT = 11;
/** The width of a character of the font, so that a name is cut where its frame ends. */
const CHARACTER = 6.6;
/** A frame below this width says nothing. */
const WIDTH_MIN = 1.5;
/** What the loop waits in, and what the profiler itself does. */
const LEFT_OUT = new Set(['(idle)', '(root)', 'post']);
/** Hues by room of the source, so that layers are told apart; what is not ours is grey. */
const HUES: Record<string, number> = {
  daemon: 28,
  fleet: 140,
  host: 205,
  store: 275,
  specification: 60,
  api: 330,
};

/**
 * Draws a profile as a flame graph: time from left to right in the order of names, callers below what they call.
 * @param title above the graph
 * @param per what the times are divided by, such as the number of exits
 */
export function flameGraph(profile: Profile, title: string, per: { count: number; what: string }): string {
  const root = fold(profile);
  const depth = depthOf(root, root.us);
  const height = HEAD + depth * ROW + 10;
  const perEach = `${(root.us / 1_000 / per.count).toFixed(2)} ms of JavaScript and its calls per ${per.what}`;
  const rows: string[] = [];
  draw(root, { x: 0, level: 0, height, scale: WIDTH / root.us, total: root.us }, rows);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="${FONT}">
<title>${xml(title)}</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="8" y="18" font-size="14" font-weight="bold">${xml(title)}</text>
<text x="8" y="34" fill="#555">${xml(perEach)}; the width is time, callers are below</text>
${rows.join('\n')}
</svg>
`;
}

/** Sums up the samples by stack. */
function fold({ nodes, samples, timeDeltas }: Profile): Frame {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  const root: Frame = { name: 'all', room: '', us: 0, calls: new Map() };
  for (const [i, leaf] of samples.entries()) {
    const stack: (typeof nodes)[number]['callFrame'][] = [];
    for (let id: number | undefined = leaf; id !== undefined; id = parents.get(id))
      stack.unshift(byId.get(id)!.callFrame);
    if (stack.some(({ functionName }) => functionName === '(idle)' || functionName === 'post')) continue;
    const us = timeDeltas[i] ?? 0;
    root.us += us;
    let frame = root;
    for (const { functionName, url, lineNumber } of stack) {
      if (LEFT_OUT.has(functionName)) continue;
      const place = /\/src\/(.*)$/.exec(url)?.[1];
      const name = place
        ? `${functionName || '(anonymous)'} ${place}:${lineNumber + 1}`
        : nameOf(functionName);
      const next = frame.calls.get(name) ?? {
        name,
        room: place?.split('/')[0] ?? '',
        us: 0,
        calls: new Map(),
      };
      next.us += us;
      frame.calls.set(name, next);
      frame = next;
    }
  }
  return root;
}

/** All functions that koffi binds bear the name of the first. */
function nameOf(functionName: string): string {
  return functionName === 'posix_spawn' ? 'libc' : functionName || '(anonymous)';
}

function depthOf(frame: Frame, total: number): number {
  const shown = [...frame.calls.values()].filter(({ us }) => (us / total) * WIDTH >= WIDTH_MIN);
  return 1 + Math.max(0, ...shown.map((call) => depthOf(call, total)));
}

interface Place {
  x: number;
  level: number;
  height: number;
  scale: number;
  total: number;
}

function draw(frame: Frame, place: Place, rows: string[]): void {
  const { x, level, height, scale, total } = place;
  const width = frame.us * scale;
  if (width < WIDTH_MIN) return;
  const y = height - (level + 1) * ROW - 5;
  const hue = HUES[frame.room];
  const fill = hue === undefined ? '#ddd' : `hsl(${hue} 70% ${72 + (level % 3) * 4}%)`;
  const share = `${((100 * frame.us) / total).toFixed(1)} %`;
  const room = Math.floor((width - 6) / CHARACTER);
  const text = room < 3 ? '' : frame.name.length > room ? `${frame.name.slice(0, room - 1)}…` : frame.name;
  rows.push(
    `<g><title>${xml(frame.name)}, ${share}</title><rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${fill}"/>` +
      (text === '' ? '</g>' : `<text x="${(x + 3).toFixed(1)}" y="${y + 12.5}">${xml(text)}</text></g>`),
  );
  let at = x;
  for (const call of [...frame.calls.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    draw(call, { ...place, x: at, level: level + 1 }, rows);
    at += call.us * scale;
  }
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
