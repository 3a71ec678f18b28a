import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentsDocument } from '../../api/agents.ts';
import type { StatusDocument } from '../../api/status.ts';
import { FleetError } from '../../errors/fleet-error.ts';
import { type Client, isAway } from '../client.ts';
import type { Context } from '../context.ts';
import { chooserOf, isForSeveral } from '../fleet.ts';
import { print, printJson } from '../output.ts';
import { isTerminal, paintFor } from '../style.ts';
import { Screen } from '../top/terminal.ts';
import { drawTop, namesInTurn, type Size, SORTS, scrollMax, type TopState } from '../top/view.ts';

/** The refresh interval. */
const REFRESH_MS = 1_000;
/** Agents of a large fleet are read less often, because reading 10,000 of them takes 100 ms. */
const REFRESH_MS_PER_AGENT = 0.5;
/** More lines than all but the agents ever take. */
const OTHER_LINES_MAX = 100;
/** The width of the screen where there is no terminal. */
const COLUMNS_USUAL = 200;
/** What is older is not asked for: a fleet may have samples of a month. */
const TREND_MS = 24 * 3_600_000;
/** The maximum number of points in the trend of a fleet. */
const TREND_MAX = 120;

/** fleetctl top: a live screen; a single screen where there is no terminal, and JSON lines with --json. */
export async function run(context: Context): Promise<number> {
  const { client, json } = context;
  const askStatus = await statusOf(context);
  const state = await firstState(context, askStatus);
  if (json) return printStates(askStatus);
  if (!isTerminal(process.stdout)) {
    const rows = state.agents.length + OTHER_LINES_MAX;
    print(drawTop(state, { columns: columnsOfPipe(), rows }, paintFor(process.stdout)).join('\n').trimEnd());
    return 0;
  }
  return watch(client, askStatus, state);
}

/** The width of the single screen: as COLUMNS says, as for other programs; else wide enough for everything. */
function columnsOfPipe(): number {
  const columns = Number(process.env.COLUMNS);
  return Number.isSafeInteger(columns) && columns > 0 ? columns : COLUMNS_USUAL;
}

/** Asks for the status of the chosen fleets; --fleet only says which one is shown first. */
type AskStatus = () => Promise<StatusDocument>;

async function statusOf(context: Context): Promise<AskStatus> {
  isForSeveral(context);
  const isChosen = await chooserOf({ ...context, fleet: null });
  return async () => {
    const status = await context.client.call('status');
    return { ...status, fleets: status.fleets.filter(isChosen) };
  };
}

async function printStates(askStatus: AskStatus): Promise<number> {
  for (;;) {
    printJson(await askStatus());
    await sleep(REFRESH_MS);
  }
}

async function firstState({ client, fleet }: Context, askStatus: AskStatus): Promise<TopState> {
  const status = await askStatus();
  const names = status.fleets.map(({ name }) => name);
  if (fleet !== null && !names.includes(fleet)) throw FleetError.of('UNKNOWN.fleet', { fleet });
  const chosen = fleet ?? namesInTurn(status)[0] ?? null;
  const trends = new Map<string, number[]>();
  for (const name of names) {
    const { passes } = await client.call('samples', { fleet: name, since: Date.now() - TREND_MS });
    trends.set(
      name,
      passes.slice(-TREND_MAX).map(({ rssBytes }) => rssBytes),
    );
  }
  return {
    status,
    agents: await agentsOf(client, chosen),
    trends,
    fleet: chosen,
    sort: 'rss',
    scroll: 0,
    nowMs: Date.now(),
    problem: null,
  };
}

async function agentsOf(client: Client, fleet: string | null): Promise<AgentsDocument['agents']> {
  if (fleet === null) return [];
  return (await client.call('agents', { fleet })).agents;
}

/** Draws and refreshes the screen until the user quits. */
function watch(client: Client, askStatus: AskStatus, first: TopState): Promise<number> {
  return new Promise((resolve, reject) => {
    let state = first;
    let agentsDue = 0;
    let isOver = false;
    const paint = paintFor(process.stdout);
    const draw = () => screen.draw(drawTop(state, screen.size, paint));
    const end = () => {
      isOver = true;
      screen.close();
      resolve(0);
    };
    const screen = new Screen((key) => {
      if (key.name === 'q' || (key.ctrl && key.name === 'c')) return end();
      const moved = afterKey(state, key.shift && key.name === 'f' ? 'F' : (key.name ?? ''), screen.size);
      if (moved.fleet !== state.fleet) agentsDue = 0;
      state = moved;
      draw();
    }, draw);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
    draw();
    void (async () => {
      while (!isOver) {
        // The keyboard keeps the process alive, not this timer.
        await sleep(REFRESH_MS, undefined, { ref: false });
        const isDue = performance.now() >= agentsDue;
        const refreshed = await refresh(client, askStatus, state, isDue);
        if (isDue) agentsDue = performance.now() + REFRESH_MS_PER_AGENT * refreshed.agents.length;
        // Keep what the user has chosen meanwhile.
        const { fleet, sort } = state;
        const scroll = Math.min(state.scroll, scrollMax(refreshed, screen.size));
        state = { ...refreshed, fleet, sort, scroll };
        if (!isOver) draw();
      }
    })().catch((error: Error) => {
      screen.close();
      reject(error);
    });
  });
}

/** The state after a key. */
function afterKey(state: TopState, key: string, size: Size): TopState {
  const { agents, status, fleet, sort, scroll } = state;
  const max = scrollMax(state, size);
  const to = (wanted: number): TopState => ({ ...state, scroll: Math.max(0, Math.min(max, wanted)) });
  switch (key) {
    case 's':
      return { ...state, sort: SORTS[(SORTS.indexOf(sort) + 1) % SORTS.length]!, scroll: 0 };
    case 'f':
    case 'tab':
    case 'F': {
      const names = namesInTurn(status);
      const next = names.at((names.indexOf(fleet ?? '') + (key === 'F' ? -1 : 1)) % names.length) ?? null;
      return { ...state, fleet: next, scroll: 0, agents: next === fleet ? agents : [] };
    }
    case 'up':
      return to(scroll - 1);
    case 'down':
      return to(scroll + 1);
    case 'pageup':
      return to(scroll - size.rows);
    case 'pagedown':
      return to(scroll + size.rows);
    case 'home':
      return to(0);
    case 'end':
      return to(max);
    default:
      return state;
  }
}

/** The state with current numbers; if no supervisor answers, with the previous numbers and a problem. */
async function refresh(
  client: Client,
  askStatus: AskStatus,
  state: TopState,
  withAgents: boolean,
): Promise<TopState> {
  try {
    const status = await askStatus();
    const { fleet } = state;
    const isKnown = status.fleets.some(({ name }) => name === fleet);
    const agents = withAgents ? await agentsOf(client, isKnown ? fleet : null) : state.agents;
    const trends = new Map(
      status.fleets.map(({ name, rssBytes }) => {
        const before = state.trends.get(name) ?? [];
        return [name, rssBytes === null ? before : [...before, rssBytes].slice(-TREND_MAX)];
      }),
    );
    return { ...state, status, agents, trends, nowMs: Date.now(), problem: null };
  } catch (error) {
    if (!isAway(error)) throw error;
    return { ...state, nowMs: Date.now(), problem: (error as Error).message };
  }
}
