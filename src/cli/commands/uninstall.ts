import { type Applied, disableUnits, isUnitActive, reloadUnits } from '../../host/install/apply.ts';
import { applyChanges, planRemoval, SYSCTL_FILE, unlinkUnits } from '../../host/install/files.ts';
import { isBooted } from '../../host/sys/systemd.ts';
import type { Context } from '../context.ts';
import { installRoot, reportChanges } from '../install.ts';

/** fleetctl uninstall: removes only what install wrote. A running supervisor and its agents keep running. */
export async function run(context: Context): Promise<number> {
  const root = installRoot(context);
  const isDryRun = context.options.dryRun === true;
  const changes = planRemoval(root);
  const removed = changes.filter(({ verdict }) => verdict === 'remove').map(({ path }) => path);
  const isLive = !isDryRun && root === '/' && isBooted() && removed.some((path) => path !== SYSCTL_FILE);
  const isRunning = isLive && (await isUnitActive());
  const applied: Applied[] = isLive ? await disableUnits() : [];
  if (!isDryRun) {
    applyChanges(root, changes);
    if (root !== '/') unlinkUnits(root);
  }
  if (isLive) applied.push(await reloadUnits());
  return reportChanges(context, {
    root,
    isDryRun,
    changes,
    links: [],
    applied,
    left: remainingSteps(removed, isRunning),
  });
}

function remainingSteps(removed: readonly string[], isRunning: boolean): string[] {
  return [
    ...(isRunning
      ? [
          'The supervisor and its agents keep running. Nothing stops the agents in batches when the host shuts down any more: run fleetctl shutdown --with-agents before.',
        ]
      : []),
    ...(removed.includes(SYSCTL_FILE) ? ['The kernel keeps its values until the next boot.'] : []),
  ];
}
