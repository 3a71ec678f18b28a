import { allUnsupported, type Imported, type Unsupported } from '../../import/draft.ts';
import { fleetText } from '../../import/emit.ts';
import type { Context } from '../context.ts';
import { readAndImport } from '../import/read.ts';
import { type FleetFile, writeAll } from '../import/write.ts';
import { print, printJson, printMessage } from '../output.ts';
import { oneLine } from '../plain.ts';
import { formatTable } from '../table.ts';

/** fleetctl import: writes fleet files for what another supervisor runs, and lists what it could not take over. */
export async function run({ args, options, json }: Context): Promise<number> {
  const { imported, mode } = await readAndImport({
    file: args[0]!,
    from: options.from ?? null,
    environment: options.env ?? null,
  });
  const files = filesOf(imported);
  const unsupported = allUnsupported(imported);
  if (options.dryRun === true) {
    const paths = files.map(({ name }) => name);
    if (json) printJson({ files: paths, unsupported });
    else
      print(
        files
          .map(({ name, text }) => `# ${name}\n${text}`)
          .join('---\n')
          .trimEnd(),
      );
  } else {
    const paths = writeAll(options.out ?? '.', files, { force: options.force === true, mode });
    if (json) printJson({ files: paths, unsupported });
    else if (paths.length > 0) print(paths.join('\n'));
  }
  if (!json) report(imported, unsupported);
  return 0;
}

/** One file for each fleet. What concerns none of them is told at the end of the first. */
function filesOf({ fleets, unsupported }: Imported): FleetFile[] {
  return fleets.map((fleet, at) => ({
    name: `${fleet.name}.yaml`,
    text: fleetText(fleet, at === 0 ? unsupported : []),
  }));
}

function report({ fleets }: Imported, unsupported: readonly Unsupported[]): void {
  const count = fleets.length === 1 ? '1 fleet' : `${fleets.length} fleets`;
  if (unsupported.length === 0) {
    printMessage(`${count}; everything was taken over.`);
    return;
  }
  printMessage(`${count}. Not taken over, or not quite:`);
  const columns = [
    { title: 'WHERE', cell: ({ file, line }: Unsupported) => `${file}:${line}` },
    { title: 'DIRECTIVE', cell: ({ directive }: Unsupported) => directive },
    { title: 'WHY', cell: ({ reason }: Unsupported) => oneLine(reason) },
  ];
  printMessage(formatTable(columns, [...unsupported], { paint: (_colour, text) => text }));
}
