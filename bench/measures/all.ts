/** What is measured, in the order of the table. Less is better, everywhere. */
export const MEASURES = {
  start: { title: 'start: until all accept', unit: 's', isRelative: true },
  memory: { title: 'memory of the supervision', unit: 'MB', isRelative: false },
  kernel: { title: 'kernel memory, agents included, per agent', unit: 'KB', isRelative: false },
  idle: { title: 'CPU while idle', unit: '%', isRelative: false },
  exit: { title: 'CPU per exit and restart', unit: 'ms', isRelative: false },
  latency: { title: 'from the death of an agent to the fork of the next', unit: 'ms', isRelative: false },
  recovery: { title: '10 % killed: until all accept', unit: 's', isRelative: true },
  status: { title: 'status: until printed', unit: 'ms', isRelative: false },
  version: { title: '– fleetctl --version', unit: 'ms', isRelative: false },
  node: { title: '– node -e 0, for comparison', unit: 'ms', isRelative: false },
  stop: { title: 'stop: until all are gone', unit: 's', isRelative: true },
  takeover: { title: 'kill −9, new one: until it knows all', unit: 's', isRelative: false },
  lost: { title: '– agents lost', unit: '', isRelative: false },
  doubled: { title: '– agents doubled', unit: '', isRelative: false },
  unknown: { title: '– agents it does not know', unit: '', isRelative: false },
  wholeTakeover: { title: 'all its processes kill −9: until it knows all', unit: 's', isRelative: false },
  wholeLost: { title: '– agents lost', unit: '', isRelative: false },
  wholeDoubled: { title: '– agents doubled', unit: '', isRelative: false },
  wholeUnknown: { title: '– agents it does not know', unit: '', isRelative: false },
} as const satisfies Record<string, { title: string; unit: string; isRelative: boolean }>;

export type MeasureName = keyof typeof MEASURES;
