/** What the host is, for people. */
export interface HostDescription {
  system: string;
  kernel: string;
  processor: string;
  /** As many as the scheduler has. */
  processors: number;
}

/** Asks systeminformation, which knows more kinds of hosts than anybody should by heart; takes some 60 ms. */
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
