import { CAPABILITIES } from '../specification/capabilities.ts';
import { demandOf } from './demand.ts';
import type { HostFacts } from './facts.ts';
import { renderSysctl, sysctlSettings } from './sysctl.ts';

const AGENTS = 10_000;
const MEMORY_BYTES = 64 * 2 ** 30;

/** A host with the kernel's defaults and the values that systemd raises at boot, as far as the settings depend on it. */
export const USUAL_HOST: HostFacts = {
  uid: 0,
  pageBytes: 4_096,
  sysctls: {
    'kernel.pid_max': '4194304',
    'fs.file-max': '9223372036854775807',
    'fs.nr_open': '1073741816',
  },
  memory: {
    totalBytes: MEMORY_BYTES,
    availableBytes: MEMORY_BYTES,
    swapTotalBytes: 0,
    commitLimitBytes: MEMORY_BYTES / 2,
    committedBytes: 0,
  },
  used: { tasks: 200, files: 1_000, connections: null },
  rlimits: {
    nofile: { soft: 1_024, hard: 524_288 },
    nproc: { soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY },
  },
  bubblewrap: '/usr/bin/bwrap',
  inherited: {
    hard: {
      as: Number.POSITIVE_INFINITY,
      core: Number.POSITIVE_INFINITY,
      cpu: Number.POSITIVE_INFINITY,
      data: Number.POSITIVE_INFINITY,
      fsize: Number.POSITIVE_INFINITY,
      memlock: 8 * 2 ** 20,
      msgqueue: 819_200,
      nproc: Number.POSITIVE_INFINITY,
      sigpending: 256_000,
      stack: Number.POSITIVE_INFINITY,
    },
    nice: 0,
    oomScoreAdj: 0,
    cpus: '0-15',
    capabilities: CAPABILITIES,
    confinedBy: [],
  },
  cgroups: [],
  namespaces: [],
  container: null,
  disks: [],
  survey: null,
};

/** The shipped drop-in: for 10,000 agents with one UDP port each, from port 10000 on, on a host with 64 GiB. */
export function sysctlExample(): string {
  const demand = {
    ...demandOf({ spec: null, agents: AGENTS }),
    ports: { base: 10_000, same: false, perAgent: 1, names: null, protocol: 'udp' as const },
  };
  const settings = sysctlSettings({ ...demand, likely: { ...demand.likely, udpSockets: 1 } }, USUAL_HOST);
  return renderSysctl(settings, 'an example: 10,000 agents with one UDP port each on 64 GiB');
}
