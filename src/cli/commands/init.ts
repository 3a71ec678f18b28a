import { writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import { packageFile } from '../../host/sys/package.ts';
import { templateText } from '../../specification/template.ts';
import type { Context } from '../context.ts';
import { printJson, printMessage } from '../output.ts';
import { LOCAL_FILE } from '../spec-source.ts';

const SCHEMA = packageFile('schema/fleet.schema.json');

/** fleetctl init: writes a commented spec. */
export async function run({ options, json }: Context): Promise<number> {
  const [named, second] = options.file ?? [];
  if (second !== undefined) throw new FleetError('USAGE', 'init writes one file, and -f names several');
  const file = named ?? LOCAL_FILE;
  writeNew(file, templateText(schemaReference(dirname(resolve(file)))), options.force === true);
  if (json) printJson({ file: resolve(file) });
  else
    printMessage(
      `Wrote ${file}. Edit it, then run fleetctl spawn${named === undefined ? '' : ` -f ${file}`}.`,
    );
  return 0;
}

/** The path of the schema for an editor: relative if the package lies below the spec file, else absolute. */
function schemaReference(directory: string): string {
  const path = relative(directory, SCHEMA);
  return path.startsWith('..') ? SCHEMA : `./${path}`;
}

function writeNew(file: string, text: string, force: boolean): void {
  try {
    writeFileSync(file, text, { flag: force ? 'w' : 'wx' });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'EEXIST')
      throw new FleetError('USAGE', `cannot write ${file}: ${message}`, { hint: '', cause });
    throw new FleetError('USAGE', `${file} exists`, {
      hint: 'Add --force to overwrite it, or give another -f FILE.',
    });
  }
}
