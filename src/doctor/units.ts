import type { CgroupLimit, HostSurvey } from './facts.ts';

/** What sets a cgroup's limit, and how to change it. */
export interface Setter {
  /** The name of the cgroup: its unit if it has one, else its directory. */
  name: string;
  source: string;
  fix: string;
}

const UNIT = /\.(slice|scope|service)$/;
const CONTAINER =
  /(?:^|\/)(?:docker|libpod|cri-containerd|crio|kubepods|lxc)[-./]|\/(?:docker|kubepods|lxc)(?:\/|$)/;

/**
 * Finds the systemd unit (or the container manager) of a cgroup, the setting of its limit, and how to raise it. A unit's
 * name is that of its cgroup's directory in both versions (systemd.slice(5)).
 */
export function setterOf({ controller, directory, file }: CgroupLimit, survey: HostSurvey | null): Setter {
  const unit = directory.slice(directory.lastIndexOf('/') + 1);
  const source = `${directory}/${file}`;
  if (CONTAINER.test(directory)) {
    const option = controller === 'pids' ? '--pids-limit=-1' : '--memory';
    return { name: unit, source: `${source} (container)`, fix: `start the container with ${option}` };
  }
  if (!UNIT.test(unit)) return { name: directory, source, fix: `echo max > ${source}` };
  const setting = controller === 'pids' ? 'TasksMax' : 'MemoryMax';
  const infinite = `${setting}=infinity`;
  if (/^user-\d+\.slice$/.test(unit)) {
    return {
      name: unit,
      source: `${setting}= of user-.slice${controller === 'pids' ? " (systemd's default: 33 % of the kernel's limit)" : ''}; ${source}`,
      fix:
        `systemctl set-property --runtime ${unit} ${infinite} now, and for every boot ` +
        `/etc/systemd/system/user-.slice.d/60-fleetd.conf with [Slice] ${infinite}, which fleetctl install writes`,
    };
  }
  const byDefault = controller === 'pids' ? defaultOf(survey) : '';
  return {
    name: unit,
    source: `${setting}= of ${unit}${byDefault}; ${source}`,
    fix: unit.endsWith('.scope')
      ? `systemctl set-property --runtime ${unit} ${infinite}`
      : `systemctl edit ${unit}, and there [${unit.endsWith('.slice') ? 'Slice' : 'Service'}] ${infinite}`,
  };
}

function defaultOf(survey: HostSurvey | null): string {
  const set = survey?.systemd?.defaultTasksMax;
  return set
    ? `, else ${set.text} (${set.file}:${set.line})`
    : ", else DefaultTasksMax= (systemd's default: 15 %)";
}
