/** A description of the host, for people. */
export interface HostDescription {
  system: string;
  kernel: string;
  processor: string;
  /** The number that the scheduler has. */
  processors: number;
}

/** Reads the description through systeminformation, which knows many kinds of hosts; takes some 60 ms. */
export async function describeHost(): Promise<HostDescription> {
  const { cpu, osInfo } = (await import('systeminformation')).default;
  const [os, processor] = await Promise.all([osInfo(), cpu()]);
  return {
    system: `${os.distro} ${os.release}`,
    kernel: os.kernel,
    processor: `${processor.manufacturer} ${processor.brand}`.trim(),
    processors: processor.cores,
  };
}
