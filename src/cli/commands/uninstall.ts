import { isBooted } from '../../host/autostart/systemd.ts';
import { type Applied, disableUnits, isUnitActive, reloadUnits } from '../../host/install/apply.ts';
import { applyChanges, planRemoval, SYSCTL_FILE, unlinkUnits } from '../../host/install/files.ts';
import type { Context } from '../context.ts';
import { installRoot, reportChanges } from '../install.ts';

/** fleetctl uninstall: takes away just what install wrote. A supervisor and agents that run, run on. */
export async function run(context: Context): Promise<number> {
  const root = installRoot(context);
  const isDryRun = context.options.dryRun === true;
  const changes = planRemoval(root);
  const removed = changes.filter(({ verdict }) => verdict === 'remove').map(({ path }) => path);
  const isLive = !isDryRun && root === '/' && isBooted() && removed.some((path) => path !== SYSCTL_FILE);
  const runsOn = isLive && (await isUnitActive());
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
    left: leftOver(removed, runsOn),
  });
}

function leftOver(removed: readonly string[], runsOn: boolean): string[] {
  return [
    ...(runsOn
      ? [
          'The supervisor and its agents run on until the host goes down, where nothing stops the agents in batches any more: fleetctl shutdown --with-agents does.',
        ]
      : []),
    ...(removed.includes(SYSCTL_FILE) ? ['The kernel keeps its values until the next boot.'] : []),
  ];
}
