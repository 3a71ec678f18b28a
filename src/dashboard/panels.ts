import type { HostUpdate } from '../api/dashboard.ts';
import type { FleetEvent } from '../api/events.ts';
import { formatCount, formatElapsed, formatSize } from '../specification/units.ts';
import { describeRollout, describeRound, describeVerdict, remarks, timeOfDay } from './describe.ts';
import { byId, element, setProgress, setText } from './dom.ts';
import type { FleetModel } from './model.ts';

/** Shows ready and target, the round, and the problems. */
export function showSummary({ pulse, gauges }: FleetModel): void {
  if (!pulse) return;
  const { target, ready } = pulse;
  setText(byId('ready'), formatCount(ready));
  setText(byId('target'), ` of ${formatCount(target)} ready`);
  byId('ready').classList.toggle('short', ready < target);
  setProgress(byId('progress'), ready, target, `${ready} of ${target} ready`);
  setText(byId('round'), describeRound(pulse));
  showList(byId('remarks'), remarks(pulse, gauges?.leak ?? null));
  document.title = `${formatCount(ready)}/${formatCount(target)} fleetd`;
}

/** Shows the current or last rollout with its verdicts; nothing if there was none. */
export function showRollout({ rollout }: FleetModel): void {
  byId('rollout').hidden = !rollout;
  if (!rollout) return;
  byId('rollout').dataset.state = rollout.state;
  setText(byId('rollout-text'), describeRollout(rollout));
  setProgress(
    byId('rollout-progress'),
    rollout.updated,
    rollout.total,
    `${rollout.updated} of ${rollout.total} updated`,
  );
  const verdicts = rollout.verdicts.toReversed();
  byId('verdicts').replaceChildren(
    ...verdicts.map((verdict) =>
      element(
        'li',
        { class: verdict.isGood ? 'good' : 'bad' },
        element('b', {}, verdict.isGood ? '✓ ' : '✗ '),
        describeVerdict(verdict),
      ),
    ),
  );
}

/** Shows the causes of exits, most frequent first. */
export function showExits({ gauges }: FleetModel): void {
  const exits = gauges?.exits.slice(0, EXITS_MAX) ?? [];
  const most = Math.max(1, ...exits.map(({ count }) => count));
  const total = gauges?.exits.reduce((sum, { count }) => sum + count, 0) ?? 0;
  setText(byId('exits-now'), `${formatCount(total)} since the supervisor started`);
  if (exits.length === 0) {
    byId('exits').replaceChildren(element('li', {}, 'None.'));
    return;
  }
  byId('exits').replaceChildren(
    ...exits.map(({ cause, count }) => {
      const bar = element('div', { class: 'bar' });
      bar.style.width = `${(100 * count) / most}%`;
      return element('li', {}, element('span', {}, cause), element('b', {}, formatCount(count)), bar);
    }),
  );
}

const EXITS_MAX = 6;

/** Shows the supervisor and its host in one line. */
export function showHost({ supervisor, host, maintenance }: HostUpdate): void {
  const used = 1 - host.memoryAvailableBytes / host.memoryTotalBytes;
  const parts = [
    `fleetd ${supervisor.version}`,
    `pid ${supervisor.pid}`,
    `up ${formatElapsed(1000 * supervisor.uptimeSeconds)}`,
    formatSize(supervisor.rssBytes),
    `host memory ${Math.round(100 * used)} % of ${formatSize(host.memoryTotalBytes)}`,
    ...(host.memoryPressure === null ? [] : [`pressure ${host.memoryPressure} %`]),
    ...(maintenance ? ['alarms silenced'] : []),
  ];
  setText(byId('host'), parts.join(' · '));
}

/** The events, newest first. Only new ones are added, so that the scroll position stays. */
export class EventList {
  readonly #list = byId('events');
  #newest = 0;

  /** Empties the list, for another fleet. */
  clear(): void {
    this.#newest = 0;
    this.#list.replaceChildren();
  }

  show(events: readonly FleetEvent[]): void {
    const fresh = events.filter(({ seq }) => seq > this.#newest);
    this.#newest = events[0]?.seq ?? this.#newest;
    this.#list.prepend(...fresh.map(eventItem));
    while (this.#list.childElementCount > EVENTS_SHOWN_MAX) this.#list.lastElementChild!.remove();
  }
}

const EVENTS_SHOWN_MAX = 200;

function eventItem({ at, type, slots, reason }: FleetEvent): HTMLElement {
  const time = element('time', { datetime: at }, timeOfDay(Date.parse(at)));
  const what = element('b', { class: `event-${type}` }, type);
  const where = slots === null ? [] : [element('span', { class: 'slots', title: slots }, slots)];
  return element('li', {}, time, what, ...where, element('span', { class: 'reason' }, reason));
}

function showList(list: HTMLElement, lines: readonly string[]): void {
  if (lines.join('\n') === [...list.children].map(({ textContent }) => textContent).join('\n')) return;
  list.replaceChildren(...lines.map((line) => element('li', {}, line)));
}
