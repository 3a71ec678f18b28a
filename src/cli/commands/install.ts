import type { HostFacts } from '../../doctor/facts.ts';
import { renderSysctl, type SysctlSetting, sysctlSettings } from '../../doctor/sysctl.ts';
import { type Applied, applySysctl, applyUnits, isUnitActive } from '../../host/install/apply.ts';
import {
  applyChanges,
  binDirectory,
  type FileChange,
  linkUnits,
  missingLinks,
  planInstall,
  SYSCTL_FILE,
  unitFiles,
} from '../../host/install/files.ts';
import { drainTimeoutSec } from '../../host/install/plan.ts';
import { isBooted } from '../../host/sys/systemd.ts';
import { parseSpec } from '../../specification/parse.ts';
import type { Context } from '../context.ts';
import { formatCount } from '../format.ts';
import { installRoot, isKept, reportChanges } from '../install.ts';
import { printMessage } from '../output.ts';
import { type Subject, settleSubject } from '../subject.ts';

/** The number of agents to prepare the host for, if neither --agents nor a fleet states one. */
const AGENTS_DEFAULT = 1_000;
const NO_SYSTEMD =
  "systemd is not PID 1 on this host, so its units are not installed; --root DIR writes them under another directory. Without the units, start fleetd from this host's init at boot, and run fleetctl watchdog from cron.";

/** fleetctl install: installs the sysctl and systemd files and applies them. */
export async function run(context: Context): Promise<number> {
  const root = installRoot(context);
  const isDryRun = context.options.dryRun === true;
  const subject = await subjectOf(context);
  const settings = sysctlSettings(subject.demand, subject.facts);
  const withUnits = root !== '/' || isBooted();
  const changes = planInstall(root, [
    { path: SYSCTL_FILE, content: renderSysctl(settings) },
    ...(withUnits ? unitFiles(unitValues(subject)) : []),
  ]);
  const links = root === '/' ? [] : missingLinks(root);
  if (!isDryRun) applyChanges(root, changes);
  if (!isDryRun) linkUnits(root, links);
  const { applied, left } =
    isDryRun || root !== '/'
      ? { applied: [], left: [] }
      : await applyAll(context, { changes, withUnits, isInForce: inForce(settings, subject.facts) });
  if (!withUnits) left.push(NO_SYSTEMD);
  return reportChanges(context, { root, isDryRun, changes, links, applied, left });
}

/** The fleet to prepare for; if there is none, one of the default size. */
async function subjectOf(context: Context): Promise<Subject> {
  const subject = await settleSubject(context, { isCountNeeded: false });
  if (subject.demand.agents > 0) return subject;
  printMessage(
    `Preparing for ${formatCount(AGENTS_DEFAULT)} agents, because neither --agents nor a fleet states a number.`,
  );
  return settleSubject({ ...context, options: { ...context.options, agents: String(AGENTS_DEFAULT) } });
}

function unitValues({ demand, source }: Subject) {
  // The defaults for several fleets, or none.
  const { stop } = source?.spec ?? parseSpec({ name: 'any', command: ['true'] });
  return { bindir: binDirectory(), drainTimeoutSec: drainTimeoutSec(demand.agents, stop) };
}

function inForce(settings: readonly SysctlSetting[], { sysctls }: HostFacts): boolean {
  return settings.every(({ key, value }) => sysctls[key] === undefined || sysctls[key].trim() === value);
}

interface Written {
  changes: readonly FileChange[];
  withUnits: boolean;
  /** Whether the kernel already has all the values. */
  isInForce: boolean;
}

/** Makes the host use the files that were written; files that others have changed are not applied. */
async function applyAll(context: Context, { changes, withUnits, isInForce }: Written) {
  const applied: Applied[] = [];
  const left: string[] = [];
  const sysctl = changes.find(({ path }) => path === SYSCTL_FILE)!;
  const units = changes.filter((change) => change !== sysctl);
  if (!isKept(sysctl) && !isInForce) applied.push(await applySysctl(SYSCTL_FILE));
  if (!withUnits) return { applied, left };
  if (units.some(isKept)) {
    left.push('The units are not enabled, because fleetctl did not write all of them.');
    return { applied, left };
  }
  const isServed = !(await isUnitActive()) && (await answers(context));
  applied.push(
    ...(await applyUnits(
      units.some(({ verdict }) => verdict !== 'same'),
      isServed,
    )),
  );
  if (isServed) {
    left.push(
      'A supervisor already runs outside the unit. The unit takes over at the next boot; to switch now, while the agents keep running: fleetctl shutdown && systemctl start fleetd.service',
    );
  }
  return { applied, left };
}

async function answers({ client }: Context): Promise<boolean> {
  const { findListener } = await import('../../host/net/unix.ts');
  return findListener(client.socketPath).ok;
}
