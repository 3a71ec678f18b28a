import { completionScript, type Shell } from '../completion.ts';
import type { Context } from '../context.ts';
import { print, printJson } from '../output.ts';

/** fleetctl completion: prints a script by which a shell completes commands and options. */
export async function run({ args, json }: Context): Promise<number> {
  const shell = args[0] as Shell;
  const script = await completionScript(shell);
  if (json) printJson({ shell, script });
  else print(script.trimEnd());
  return 0;
}
