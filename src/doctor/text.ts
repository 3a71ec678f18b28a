import { formatCount, formatSize } from '../specification/units.ts';
import type { Finding, LimitVerdict } from './finding.ts';
import type { Ceiling, Diagnosis } from './table.ts';
import { wrap } from './wrap.ts';

const MARKS: Record<LimitVerdict, string> = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' };
const INDENT = 6;
/** The column of a finding's figures, if its name leaves room. */
const FIGURES_AT = 40;

/** Colours a text by its verdict; returns it unchanged where there are no colours. */
export type Marked = (verdict: LimitVerdict, text: string) => string;

/** A diagnosis as text: failures and warnings in full, everything else in one line each, and the first ceiling. */
export function describeDiagnosis(
  { agents, ceiling, findings }: Diagnosis,
  marked: Marked,
  width = 80,
): string {
  const troubles = findings.filter(({ verdict }) => verdict !== 'ok');
  const sorted = [
    ...troubles.filter(({ verdict }) => verdict === 'fail'),
    ...troubles.filter(({ verdict }) => verdict === 'warn'),
  ];
  return [
    ...sorted.flatMap((finding) => [...describeFinding(finding, marked, width), '']),
    ...findings
      .filter(({ verdict }) => verdict === 'ok')
      .flatMap((finding) => headOf(finding, marked, width)),
    '',
    ...wrap(`${summary(agents, findings)} ${describeCeiling(ceiling)}`, 0, width),
  ].join('\n');
}

/** A sentence about the first ceiling. */
export function describeCeiling(ceiling: Ceiling | null): string {
  if (ceiling === null) return 'No limit of this host depends on the number of agents.';
  return `This host allows at most ${formatCount(ceiling.agents)} agents, limited by ${ceiling.limit}.`;
}

/** A refusal: the limit, its value, what the agents need, and where it is set. */
export function describeRefusal({ limit, have, needed, why, source, unit }: Finding, agents: number): string {
  const need = needed === null ? '' : `, and ${formatCount(agents)} agents need ${figure(needed, unit)}`;
  return `${limit} is ${plainFigure(have, unit)}${need}: ${why} Source: ${source}`;
}

function describeFinding(finding: Finding, marked: Marked, width: number): string[] {
  const { why, source, fix } = finding;
  return [
    ...headOf(finding, marked, width),
    ...wrap(why, INDENT, width),
    ...wrap(`source: ${source}`, INDENT, width),
    ...(fix === null ? [] : wrap(`fix: ${fix}`, INDENT, width)),
  ];
}

/** The head of a finding: one line, or several if the figures are too long (a list of ports). */
function headOf({ verdict, limit, needed, have, unit }: Finding, marked: Marked, width: number): string[] {
  const figures = [
    ...(needed === null ? [] : [`needs ${figure(needed, unit)}`]),
    ...(have === null ? [] : [`has ${figure(have, unit)}`]),
  ].join(', ');
  const name = `${MARKS[verdict]}  ${limit}`;
  const gap = ' '.repeat(Math.max(2, FIGURES_AT - name.length));
  if (name.length + gap.length + figures.length > width)
    return [marked(verdict, name), ...wrap(figures, INDENT, width)];
  return [`${marked(verdict, name)}${gap}${figures}`.trimEnd()];
}

function figure(value: number | string | null, unit: Finding['unit']): string {
  if (typeof value !== 'number') return value ?? 'unknown';
  // fs.file-max is 2⁶³ − 1 if systemd has raised it.
  if (value > Number.MAX_SAFE_INTEGER) return 'no limit';
  return unit === 'bytes' ? formatSize(value) : formatCount(value);
}

/** Without thousands separators, as the host prints it, so that it can be searched for. */
function plainFigure(value: number | string | null, unit: Finding['unit']): string {
  return typeof value === 'number' && unit !== 'bytes' ? String(value) : figure(value, unit);
}

function summary(agents: number, findings: readonly Finding[]): string {
  const count = (verdict: LimitVerdict) => findings.filter((finding) => finding.verdict === verdict).length;
  const [fails, warns] = [count('fail'), count('warn')];
  if (fails > 0)
    return `${formatCount(agents)} agents cannot work on this host: ${plural(fails, 'limit')} exceeded, ${plural(warns, 'warning')}.`;
  if (warns > 0)
    return `${formatCount(agents)} agents can work on this host, with ${plural(warns, 'warning')}.`;
  return `${formatCount(agents)} agents can work on this host.`;
}

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
