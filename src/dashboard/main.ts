import type { CellState, Update } from '../api/dashboard.ts';
import { CellMap, type MapStyle } from './cell-map.ts';
import { COLOURINGS, type Colouring } from './colours.ts';
import { Details } from './details.ts';
import { byId, element, setText } from './dom.ts';
import { Graphs } from './graphs.ts';
import { Legend, showScale } from './legend.ts';
import { Model, troubleIn } from './model.ts';
import { EventList, showExits, showHost, showRollout, showSummary } from './panels.ts';
import { Pointer } from './pointer.ts';
import { type Connection, follow } from './requests.ts';

/** The delay after the last resize of the window until charts and map are rebuilt. */
const RESIZE_REST_MS = 150;

/** The highlighted state. */
let only: CellState | null = null;
const dark = matchMedia('(prefers-color-scheme: dark)');
const choice = new URLSearchParams(location.hash.slice(1));
const model = new Model();
const map = new CellMap(byId<HTMLCanvasElement>('cells'), byId('cursor'));
const details = new Details(() => byId('map').focus());
const events = new EventList();
const graphs = new Graphs();
const legend = new Legend((state) => {
  only = state;
  showAll();
});
const pointer = new Pointer(map, details, () => model.choose(choice.get('fleet')));

function mapStyle(): MapStyle {
  const wanted = choice.get('by') as Colouring;
  const by = COLOURINGS.includes(wanted) ? wanted : 'state';
  return { by, theme: dark.matches ? 'dark' : 'light', only };
}

/** Keeps the user's choices after the # of the URL, so that they survive a reload. */
function choose(name: string, value: string): void {
  choice.set(name, value);
  history.replaceState(null, '', `#${choice}`);
  showAll();
}

function takeUpdate(update: Update): void {
  const changes = model.apply(update, Date.now() / 1000);
  if (update.isWhole || model.fleets.size !== byId('fleet').childElementCount) {
    showAll();
    return;
  }
  if (model.host) showHost(model.host);
  labelFleets();
  const fleet = model.choose(choice.get('fleet'));
  const change = changes.get(fleet?.name ?? '');
  if (!fleet) return;
  events.show(model.eventsOf(fleet.name));
  if (!change) return;
  map.update(change);
  showFleet(change.slots.length > 0);
  pointer.refresh();
}

/** Shows everything again, after a change of fleet or style, or a new connection. */
function showAll(): void {
  const fleet = model.choose(choice.get('fleet'));
  showFleets(fleet?.name ?? '');
  if (model.host) showHost(model.host);
  const { by, theme } = mapStyle();
  byId<HTMLInputElement>('by').querySelector<HTMLInputElement>(`[value=${by}]`)!.checked = true;
  legend.paint(theme, by);
  map.show(fleet, mapStyle());
  events.clear();
  if (!fleet) {
    setText(byId('target'), ' agents: there are no fleets yet');
    return;
  }
  events.show(model.eventsOf(fleet.name));
  showFleet(true);
  pointer.refresh();
}

function showFleet(hasNewCells: boolean): void {
  const fleet = model.choose(choice.get('fleet'))!;
  showSummary(fleet);
  legend.count(fleet);
  showRollout(fleet);
  showExits(fleet);
  const { by, theme } = mapStyle();
  if (hasNewCells) showScale(fleet, by, theme, map.range);
  void graphs.show(fleet);
}

function showFleets(chosen: string): void {
  const names = [...model.fleets.keys()];
  byId('fleet').replaceChildren(
    ...names.map((value) => element('option', { value, ...(value === chosen && { selected: '' }) }, value)),
  );
  labelFleets();
}

/** Shows at each fleet in the list what is wrong with it. */
function labelFleets(): void {
  for (const option of byId<HTMLSelectElement>('fleet').options) {
    const fleet = model.fleets.get(option.value);
    const trouble = fleet && troubleIn(fleet);
    setText(option, trouble ? `${option.value} · ${trouble}` : option.value);
  }
}

function showConnection(connection: Connection): void {
  const text = connection === 'live' ? 'live' : 'connection lost, retrying';
  setText(byId('connection'), text);
  document.body.dataset.connection = connection;
}

byId('fleet').onchange = ({ target }) => {
  details.close();
  choose('fleet', (target as HTMLSelectElement).value);
};
byId('by').onchange = ({ target }) => choose('by', (target as HTMLInputElement).value);
dark.onchange = () => {
  showAll();
  graphs.rebuild();
};
let resting: ReturnType<typeof setTimeout>;
const resizes = new ResizeObserver(() => {
  clearTimeout(resting);
  resting = setTimeout(() => {
    map.resized();
    graphs.rebuild();
  }, RESIZE_REST_MS);
});
for (const id of ['map', 'memory']) resizes.observe(byId(id));
follow(takeUpdate, showConnection);
