import type { WriteStream } from 'node:tty';
import type { RolloutDocument } from '../api/rollout.ts';
import type { BatchVerdict } from '../fleet/rollout/record.ts';
import { formatSize } from '../specification/units.ts';
import { formatCount, formatElapsed, formatTime } from './format.ts';
import { printJson } from './output.ts';
import { oneLine } from './plain.ts';
import { type Progress, type ProgressLine, progressOn } from './progress.ts';
import { sampleLines } from './sample-lines.ts';
import type { Paint } from './style.ts';
import { type Column, formatTable } from './table.ts';

/**
 * Progress of a rollout: one line that is redrawn (occasional lines where there is no terminal), and a line per verdict.
 * @param json whether every change is also printed as a JSON line on stdout
 */
export function rolloutProgress(stream: WriteStream, json: boolean): Progress {
  const inner = progressOn(stream, progressText);
  let judged = 0;
  let latest: RolloutDocument | undefined;
  return {
    update(line) {
      if (json) printJson(line);
      latest = line.rollout;
      for (const verdict of latest?.verdicts ?? []) {
        if (verdict.batch <= judged) continue;
        judged = verdict.batch;
        inner.note(oneLine(verdictText(verdict)));
      }
      inner.update(line);
    },
    note: inner.note,
    finish() {
      inner.finish();
      for (const line of sampleLines(latest?.sample)) stream.write(`${line}\n`);
    },
  };
}

/**
 * `web: 100 of 1,000, batch 2 of 11: 15 of 100 ready, 4m left, 1 failed`: the most important part comes first, because a
 * narrow terminal cuts off the end.
 */
function progressText({ done, of, counts, rollout }: ProgressLine): string {
  const agents = `${counts.name}: ${formatCount(done)} of ${formatCount(of)}`;
  if (!rollout) return agents;
  const { state, from, batch, batchesLeft, failed, leftMs } = rollout;
  if (state === 'rolling-back' || state === 'rolled-back') return `${agents} back on ${from}`;
  return [
    agents,
    ...(batch ? [`${nameOf(batch, batchesLeft)}: ${readyText(batch)}`] : []),
    ...(state === 'paused' ? ['paused'] : []),
    ...(leftMs > 0 && state === 'running' ? [`${formatElapsed(leftMs)} left`] : []),
    ...(failed > 0 ? [`${formatCount(failed)} failed`] : []),
  ].join(', ');
}

type BatchUnderWay = NonNullable<RolloutDocument['batch']>;

function nameOf({ number, isCanary }: BatchUnderWay, batchesLeft: number): string {
  return isCanary ? 'canary' : `batch ${number} of ${number + batchesLeft}`;
}

function readyText({ agents, ready, observedForMs }: BatchUnderWay): string {
  if (observedForMs !== null) return `observing for ${formatElapsed(observedForMs)} more`;
  return `${formatCount(ready)} of ${formatCount(agents)} ready`;
}

function verdictText({ batch, isCanary, isGood, reason }: BatchVerdict): string {
  return `${isCanary ? 'canary' : `batch ${batch}`} ${isGood ? 'good' : 'BAD'}: ${reason}`;
}

/** A whole rollout as text; figures of the previous release are in parentheses. @param widthMax the terminal's, if it is one */
export function describeRollout(rollout: RolloutDocument, paint: Paint, widthMax?: number): string {
  const { fleet, state, from, to, updated, total, failed, reason, startedAt, batch, batchesLeft, leftMs } =
    rollout;
  const isBack = state === 'rolling-back' || state === 'rolled-back';
  const rows: [string, string][] = [
    ['fleet', fleet],
    ['state', state],
    ['release', isBack ? `${to} back to ${from}` : `${from} to ${to}`],
    ['started', formatTime(startedAt)],
    ['agents', `${formatCount(updated)} of ${formatCount(total)} on ${to}, ${formatCount(failed)} failed`],
    ...(reason === null ? [] : [['reason', oneLine(reason)] as [string, string]]),
    ...(batch ? [['now', `${nameOf(batch, batchesLeft)}: ${readyText(batch)}`] as [string, string]] : []),
    ...(leftMs > 0 && state === 'running' ? [['left', formatElapsed(leftMs)] as [string, string]] : []),
  ];
  return [
    ...rows.map(([name, text]) => `${name.padEnd(8)} ${text}`),
    ...(rollout.verdicts.length > 0 ? ['', formatTable(COLUMNS, rollout.verdicts, { paint, widthMax })] : []),
    ...sampleLines(rollout.sample),
  ].join('\n');
}

const COLUMNS: Column<BatchVerdict>[] = [
  { title: 'BATCH', cell: ({ batch, isCanary }) => (isCanary ? 'canary' : String(batch)) },
  { title: 'AGENTS', align: 'right', cell: ({ agents }) => formatCount(agents) },
  { title: 'FAILED', align: 'right', cell: ({ failed }) => formatCount(failed) },
  { title: 'READY IN', cell: (verdict) => compared(verdict, 'readyMs', formatMs) },
  { title: 'MEMORY', cell: (verdict) => compared(verdict, 'rssBytes', formatSize) },
  { title: 'CPU', cell: (verdict) => compared(verdict, 'cpu', (share) => share.toFixed(2)) },
  {
    title: 'VERDICT',
    cell: ({ isGood }) => (isGood ? 'good' : 'bad'),
    colour: ({ isGood }) => (isGood ? null : 'red'),
  },
];

/** A figure of the batch, with that of the previous release in parentheses. */
function compared(
  { cohort, before }: BatchVerdict,
  key: 'readyMs' | 'rssBytes' | 'cpu',
  format: (value: number) => string,
): string {
  const [value, old] = [cohort?.[key] ?? null, before?.[key] ?? null];
  return value === null ? '-' : `${format(value)}${old === null ? '' : ` (${format(old)})`}`;
}

function formatMs(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
