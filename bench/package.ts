import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';

const PROJECT = new URL('../', import.meta.url).pathname;

/** Where the package lies that is measured: as npm would ship it, not as it lies here in its sources. */
export const PACKAGE = new URL('./out/package', import.meta.url).pathname;

/** Builds the package anew. */
export function buildPackage(): void {
  rmSync(PACKAGE, { recursive: true, force: true });
  mkdirSync(PACKAGE, { recursive: true });
  execFileSync(`${PROJECT}bin/with-node`, ['build/main.ts', `${PACKAGE}/dist`], {
    cwd: PROJECT,
    stdio: 'inherit',
  });
  for (const name of ['bin', 'schema', 'systemd', 'package.json'])
    cpSync(`${PROJECT}${name}`, `${PACKAGE}/${name}`, { recursive: true });
  if (!existsSync(`${PACKAGE}/node_modules`))
    symlinkSync(`${PROJECT}node_modules`, `${PACKAGE}/node_modules`);
}
