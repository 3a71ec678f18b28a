import type { HostFacts } from '../../doctor/facts.ts';
import { renderSysctl, type SysctlSetting, sysctlSettings } from '../../doctor/sysctl.ts';
import { isBooted } from '../../host/autostart/systemd.ts';
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
import { parseSpec } from '../../specification/parse.ts';
import type { Context } from '../context.ts';
import { formatCount } from '../format.ts';
import { installRoot, isKept, reportChanges } from '../install.ts';
import { say } from '../output.ts';
import { type Subject, settleSubject } from '../subject.ts';

/** For so many agents is a host prepared where nobody says how many. */
const AGENTS = 1_000;
const NO_SYSTEMD =
  'systemd is not PID 1 here, so its units are not installed; --root DIR writes them below another directory. Without them: start fleetd at boot by the init of this host, and run fleetctl watchdog from cron.';

/** fleetctl install: puts the sysctl and systemd files in place and applies them. */
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

/** The fleet that is meant; where none is, one of a usual size. */
async function subjectOf(context: Context): Promise<Subject> {
  const subject = await settleSubject(context, { isCountNeeded: false });
  if (subject.demand.agents > 0) return subject;
  say(`Prepares for ${formatCount(AGENTS)} agents: neither --agents nor a fleet says how many.`);
  return settleSubject({ ...context, options: { ...context.options, agents: String(AGENTS) } });
}

function unitValues({ demand, source }: Subject) {
  // Of several fleets, or none, the defaults.
  const { stop } = source?.spec ?? parseSpec({ name: 'any', command: ['true'] });
  return { bindir: binDirectory(), drainTimeoutSec: drainTimeoutSec(demand.agents, stop) };
}

function inForce(settings: readonly SysctlSetting[], { sysctls }: HostFacts): boolean {
  return settings.every(({ key, value }) => sysctls[key] === undefined || sysctls[key].trim() === value);
}

interface Written {
  changes: readonly FileChange[];
  withUnits: boolean;
  /** Whether the kernel has all the values already. */
  isInForce: boolean;
}

/** Makes the host use what was written. What somebody else has changed is not applied. */
async function applyAll(context: Context, { changes, withUnits, isInForce }: Written) {
  const applied: Applied[] = [];
  const left: string[] = [];
  const sysctl = changes.find(({ path }) => path === SYSCTL_FILE)!;
  const units = changes.filter((change) => change !== sysctl);
  if (!isKept(sysctl) && !isInForce) applied.push(await applySysctl(SYSCTL_FILE));
  if (!withUnits) return { applied, left };
  if (units.some(isKept)) {
    left.push('The units are not enabled: not all of them are ours.');
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
      'A supervisor runs that is not the unit’s; the unit takes over at the next boot, or now, while the agents run on, with: fleetctl shutdown && systemctl start fleetd.service',
    );
  }
  return { applied, left };
}

async function answers({ client }: Context): Promise<boolean> {
  const { findListener } = await import('../../host/net/unix.ts');
  return findListener(client.socketPath).ok;
}
