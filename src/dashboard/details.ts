import type { AgentDocument } from '../api/dashboard.ts';
import { formatElapsed } from '../specification/units.ts';
import { size, timeOfDay } from './describe.ts';
import { byId, element, setText } from './dom.ts';
import { fetchAgent } from './requests.ts';

/** The refresh interval. */
const REFRESH_MS = 2_000;
/** Escape sequences for colours, which a page cannot show. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they begin with one
const COLOUR_SEQUENCE = /\u001b\[[\d;]*m/g;

/** The panel about one agent. */
export class Details {
  readonly #panel = byId('details');
  readonly #onClose: () => void;
  #shown: { fleet: string; slot: number } | null = null;

  /** @param onClose called after the panel was closed */
  constructor(onClose: () => void) {
    this.#onClose = onClose;
    byId('details-close').onclick = () => this.close();
    this.#panel.onkeydown = ({ key }) => {
      if (key === 'Escape') this.close();
    };
    setInterval(() => void this.#refresh(), REFRESH_MS);
  }

  /** The slot shown; null if there is none. */
  get slot(): number | null {
    return this.#shown?.slot ?? null;
  }

  /** Shows an agent, and follows it until the panel is closed. */
  async open(fleet: string, slot: number): Promise<void> {
    this.#shown = { fleet, slot };
    setText(byId('details-title'), `Slot ${slot}`);
    byId('facts').replaceChildren();
    setText(byId('output'), '');
    this.#panel.hidden = false;
    await this.#refresh();
  }

  close(): void {
    if (!this.#shown) return;
    this.#shown = null;
    this.#panel.hidden = true;
    this.#onClose();
  }

  async #refresh(): Promise<void> {
    const asked = this.#shown;
    if (!asked || document.hidden) return;
    const found = await fetchAgent(asked.fleet, asked.slot);
    if (this.#shown !== asked) return;
    if (!found) {
      byId('facts').replaceChildren(...fact('State', 'gone, or the supervisor does not answer'));
      return;
    }
    byId('facts').replaceChildren(...facts(found).flatMap(([name, value]) => fact(name, value)));
    const output = byId('output');
    const isAtEnd = output.scrollTop + output.clientHeight >= output.scrollHeight - 4;
    setText(output, found.output.replace(COLOUR_SEQUENCE, '').trimEnd() || '(no output yet)');
    if (isAtEnd) output.scrollTop = output.scrollHeight;
  }
}

function fact(name: string, value: string): HTMLElement[] {
  return [element('dt', {}, name), element('dd', {}, value)];
}

function facts({ agent, state, why, dueInMs }: AgentDocument): [string, string][] {
  const due = dueInMs === null ? [] : [['Next start', `in ${formatElapsed(dueInMs)}`] as [string, string]];
  const reason = why ? [['Why', why] as [string, string]] : [];
  if (!agent) return [['State', state], ...reason];
  const { pid, port, release, rssBytes, restarts, startedAt, lastExit, dir } = agent;
  return [
    ['State', state],
    ...reason,
    ...due,
    ['Pid', pid === null ? '–' : String(pid)],
    ['Port', port === null ? '–' : String(port)],
    ['Release', release ?? '–'],
    ['RSS', size(rssBytes)],
    ['Up', startedAt === null ? '–' : formatElapsed(Date.now() - Date.parse(startedAt))],
    ['Restarts', String(restarts)],
    ['Last exit', lastExit ? `${lastExit.reason}, ${timeOfDay(Date.parse(lastExit.at))}` : 'none'],
    ['Directory', dir],
  ];
}
