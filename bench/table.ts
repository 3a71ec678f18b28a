import { MEASURES, type MeasureName } from './measures/all.ts';
import type { Results, Sample } from './results.ts';
import { median } from './statistics.ts';

const LIMIT = 'C loop';
const OURS = 'fleetd';
/** What is compared within pairs of fleetd and a peer. */
const COMPARED: readonly MeasureName[] = ['start', 'exit', 'recovery', 'stop'];

/** The results as Markdown: a table for each size, best figures of a supervisor bold, and what went wrong. */
export function renderResults(results: Results): string {
  const sizes = [...new Set([...results.samples, ...results.failures].map(({ agents }) => agents))];
  const present = results.entries.filter(({ skipped }) => skipped === null);
  return [
    `\`${results.command}\`, ${results.begun.slice(0, 10)}: ${Object.values(results.machine).join(', ')}.`,
    '× is the time against the C loop in the same round; medians, and from–to where there were several rounds.',
    ...sizes.map((agents) => renderSize(results, agents)),
    `Versions: ${present.map(({ contestant, version }) => `${contestant} ${version}`).join(', ')}.`,
    ...renderTroubles(results),
  ].join('\n\n');
}

function renderSize({ samples, failures, entries }: Results, agents: number): string {
  const own = samples.filter((sample) => sample.agents === agents);
  const tried = [...own, ...failures.filter((failure) => failure.agents === agents)];
  const names = entries
    .map(({ contestant }) => contestant)
    .filter((name) => tried.some(({ contestant }) => contestant === name));
  const measures = (Object.keys(MEASURES) as MeasureName[]).filter((name) =>
    own.some(({ measure }) => measure === name),
  );
  const rows = [
    ...measures.map((measure) => renderRow(own, measure, names)),
    ...COMPARED.flatMap((measure) => renderComparison(own, measure, names)),
  ];
  const head = [`${agents.toLocaleString('en')} agents`, ...names];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function renderRow(samples: readonly Sample[], measure: MeasureName, names: readonly string[]): string[] {
  const { title } = MEASURES[measure];
  const cells = names.map((name) => summarize(samples, measure, name));
  const best = Math.min(
    ...cells.map((cell, i) =>
      names[i] === LIMIT ? Number.POSITIVE_INFINITY : (cell?.value ?? Number.POSITIVE_INFINITY),
    ),
  );
  return [
    title,
    ...cells.map((cell, i) => {
      if (cell === null) return '–';
      return cell.value === best && names[i] !== LIMIT ? `**${cell.text}**` : cell.text;
    }),
  ];
}

/** A peer's time against that of the fleetd just before it; no row where there are no such pairs. */
function renderComparison(
  samples: readonly Sample[],
  measure: MeasureName,
  names: readonly string[],
): string[][] {
  const cells = names.map((name) => {
    if (name === LIMIT || name.startsWith(OURS)) return '–';
    const ratios = samples.flatMap((sample) => ratioToPrevious(samples, sample, measure, name) ?? []);
    return ratios.length === 0 ? '–' : `${digits(median(ratios))} ×${spread(ratios)}`;
  });
  if (cells.every((cell) => cell === '–')) return [];
  return [[`${MEASURES[measure].title.split(':')[0]}, against the fleetd just before`, ...cells]];
}

function ratioToPrevious(
  samples: readonly Sample[],
  sample: Sample,
  measure: MeasureName,
  name: string,
): number | null {
  if (sample.contestant !== name || sample.measure !== measure || sample.value === null) return null;
  const before = samples.find(
    (other) => other.contestant === OURS && other.measure === measure && other.life === sample.life - 1,
  )?.value;
  return before ? sample.value / before : null;
}

/** One cell; null where nothing was measured. A value that never came in some round makes the whole cell so. */
function summarize(
  samples: readonly Sample[],
  measure: MeasureName,
  contestant: string,
): { value: number | null; text: string } | null {
  const own = samples.filter((sample) => sample.measure === measure && sample.contestant === contestant);
  if (own.length === 0) return null;
  const values = own.flatMap(({ value }) => value ?? []);
  if (values.length < own.length) return { value: null, text: 'never' };
  const { unit, isRelative } = MEASURES[measure];
  const value = median(values);
  const figure = `${digits(value)} ${unit}`.trim();
  const ratios =
    isRelative && contestant !== LIMIT ? own.flatMap((sample) => ratioToLimit(samples, sample) ?? []) : [];
  if (ratios.length === 0) return { value, text: `${figure}${spread(values)}` };
  return { value, text: `${digits(median(ratios))} ×${spread(ratios)}, ${figure}` };
}

function ratioToLimit(samples: readonly Sample[], { measure, round, value }: Sample): number | null {
  const limit = samples.find(
    (other) => other.contestant === LIMIT && other.measure === measure && other.round === round,
  )?.value;
  return limit && value !== null ? value / limit : null;
}

function spread(values: readonly number[]): string {
  return values.length < 2 ? '' : ` (${digits(Math.min(...values))}–${digits(Math.max(...values))})`;
}

/** Two digits that count, or all before the point. */
function digits(value: number): string {
  if (value === 0 || Math.abs(value) >= 10) return value.toFixed(0);
  return Math.abs(value) >= 1 ? value.toFixed(1) : value.toFixed(Math.abs(value) >= 0.1 ? 2 : 3);
}

function renderTroubles({ entries, failures }: Results): string[] {
  const lines = [
    ...entries.flatMap(({ contestant, skipped }) =>
      skipped === null ? [] : `- ${contestant} was skipped: ${skipped}`,
    ),
    ...failures.map(
      ({ contestant, agents, round, step, error }) =>
        `- ${contestant} at ${agents.toLocaleString('en')} agents, round ${round}, ${step}: ${error}`,
    ),
  ];
  return lines.length === 0 ? [] : [lines.join('\n')];
}
