import { type AgentDocument, type HistoryDocument, PAGE_API, type Update } from '../api/dashboard.ts';

const TOKEN = new URLSearchParams(location.search).get('token') ?? '';

/** The state of the connection. */
export type Connection = 'live' | 'lost';

/**
 * Follows the supervisor. A lost connection is re-established automatically, and continues where it was.
 * @param onUpdate called with each message
 * @param onConnection called when the connection is established or lost
 */
export function follow(
  onUpdate: (update: Update) => void,
  onConnection: (connection: Connection) => void,
): void {
  const source = new EventSource(path(PAGE_API.stream));
  source.onmessage = ({ data }: MessageEvent<string>) => {
    onConnection('live');
    onUpdate(JSON.parse(data) as Update);
  };
  source.onopen = () => onConnection('live');
  source.onerror = () => onConnection('lost');
}

/** All details of a slot; null if it is gone, or if the supervisor does not answer. */
export function fetchAgent(fleet: string, slot: number): Promise<AgentDocument | null> {
  return fetchJson<AgentDocument>(path(PAGE_API.agent, { fleet, slot: String(slot) }));
}

/** A fleet's memory of the last day; null if the supervisor does not answer. */
export function fetchHistory(fleet: string): Promise<HistoryDocument | null> {
  return fetchJson<HistoryDocument>(path(PAGE_API.history, { fleet }));
}

async function fetchJson<T>(from: string): Promise<T | null> {
  const answer = await fetch(from).catch(() => null);
  return answer?.ok ? ((await answer.json()) as T) : null;
}

function path(to: string, query: Record<string, string> = {}): string {
  return `${to}?${new URLSearchParams({ ...query, token: TOKEN })}`;
}
