import type { FleetPreview, PreviewDocument } from '../api/apply.ts';
import { formatSlots } from '../specification/slots.ts';
import { formatCount } from './format.ts';
import { print, printJson } from './output.ts';
import { oneLine } from './plain.ts';
import { worst } from './several.ts';
import type { Checked } from './spec-check.ts';
import { type Colour, paintFor } from './style.ts';

const TITLES: Record<FleetPreview['action'], string> = {
  create: 'would be created',
  change: 'would change',
  none: 'nothing would change',
};

/** Shows what a command would do. @returns the exit code: that of its refusal, or 0 if it would not be refused */
export function reportPreview({ fleets }: PreviewDocument, json: boolean): number {
  if (json) printJson({ fleets });
  else print(fleets.map(describePreview).join('\n'));
  return worst(fleets.flatMap(({ problems }) => problems.map(({ exitCode }) => exitCode)));
}

/** What a spawn would do where no supervisor runs. @param isFresh whether there is no state of an earlier one */
export function previewOfNew({ spec }: Checked, target: number, isFresh: boolean): FleetPreview {
  const starts = formatSlots(Array.from({ length: target }, (_, slot) => slot));
  return {
    fleet: spec.name,
    action: 'create',
    target: { from: null, to: target },
    release: { from: null, to: null },
    starts: target,
    stops: 0,
    replaces: 0,
    slots: { starts, stops: '', replaces: '' },
    changes: [],
    notes: [
      isFresh
        ? 'no supervisor runs: it would be started, and check this host'
        : 'no supervisor runs, so it is unknown whether it knows this fleet; it would be started, and check this host',
    ],
    problems: [],
  };
}

function describePreview(preview: FleetPreview): string {
  const { fleet, action, target, release, changes, notes, problems } = preview;
  const paint = paintFor(process.stdout);
  const line = (mark: string, colour: Colour, path: string, value: string | null) =>
    value === null ? [] : [paint(colour, `  ${mark} ${path}: ${oneLine(value)}`)];
  return [
    `${fleet}: ${TITLES[action]}`,
    ...(target.from === target.to ? [] : [`  target   ${fromTo(target)}`]),
    ...(release.to === null || release.from === release.to ? [] : [`  release  ${fromTo(release)}`]),
    ...slotLines(preview),
    ...changes.flatMap(({ path, from, to }) => [
      ...line('-', 'red', path, from),
      ...line('+', 'green', path, to),
    ]),
    ...notes.map((note) => `  note: ${oneLine(note)}`),
    ...problems.flatMap(({ code, message, hint }) => [
      paint('red', `  refused: ${code}: ${oneLine(message)}`),
      ...(hint === '' ? [] : [`    ${oneLine(hint)}`]),
    ]),
  ].join('\n');
}

function fromTo({ from, to }: { from: string | number | null; to: string | number | null }): string {
  return from === null ? String(to) : `${from} → ${to}`;
}

function slotLines({ starts, stops, replaces, slots }: FleetPreview): string[] {
  const rows = [
    ['starts', starts, slots.starts],
    ['stops', stops, slots.stops],
    ['replaces', replaces, slots.replaces],
  ] as const;
  return rows
    .filter(([, count]) => count > 0)
    .map(([what, count, ranges]) => `  ${what.padEnd(8)} ${formatCount(count)} (slots ${ranges})`);
}
