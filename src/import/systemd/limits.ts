import { CAPABILITIES } from '../../specification/capabilities.ts';
import { sizeText } from '../values.ts';
import { byteCount, type ServiceRule, type ServiceRules, single, timeSpan } from './service.ts';

const PERCENT = 'a share of the host’s memory is not computed; write a size';
/** A limit of memory is at least one page. */
const PAGE_BYTES = 4_096;

/** Directives about resources, limits and attributes of a process. */
export const LIMIT_RULES: ServiceRules = {
  MemoryMax: memory('limit'),
  MemoryLimit: memory('limit'),
  MemoryLow: memory('request'),
  CPUQuota: single((directive, { draft }) => {
    const percent = /^(\d+(?:\.\d+)?)%$/.exec(directive.value)?.[1];
    if (percent === undefined) return draft.lack(directive, 'not a percentage');
    draft.take(directive, 'resources.cpu', Number(percent) / 100);
  }),
  TasksMax: single((directive, { draft }) => {
    if (directive.value === 'infinity') return;
    if (/^[1-9]\d*$/.test(directive.value)) draft.take(directive, 'resources.pids', Number(directive.value));
    else draft.lack(directive, 'resources.pids takes a number');
  }),
  LimitNOFILE: single((directive, { draft }) => {
    const limit = hardLimit(directive.value);
    if (/^\d+$/.test(limit) && Number(limit) >= 3) draft.take(directive, 'resources.nofile', Number(limit));
    else draft.lack(directive, 'resources.nofile takes a number');
  }),
  LimitAS: limit('as', byteCount),
  LimitCORE: limit('core', byteCount),
  LimitCPU: limit('cpu', timeSpan),
  LimitDATA: limit('data', byteCount),
  LimitFSIZE: limit('fsize', byteCount),
  LimitMEMLOCK: limit('memlock', byteCount),
  LimitMSGQUEUE: limit('msgqueue', byteCount),
  LimitNPROC: limit('nproc', byteCount),
  LimitSIGPENDING: limit('sigpending', byteCount),
  LimitSTACK: limit('stack', byteCount),
  Nice: number('nice', -20, 19),
  OOMScoreAdjust: number('oomScoreAdj', -1_000, 1_000),
  UMask: single((directive, { draft }) => {
    if (/^0?[0-7]{1,3}$/.test(directive.value))
      draft.take(directive, 'process.umask', directive.value.padStart(3, '0'));
    else draft.lack(directive, 'not an octal number');
  }),
  IOSchedulingClass: single((directive, { draft, value }) => {
    const name = IO_CLASSES[directive.value];
    if (name === undefined) {
      draft.lack(directive, 'not a class that systemd knows');
      return;
    }
    const priority = value('IOSchedulingPriority');
    const hasPriority = priority !== undefined && /^[0-7]$/.test(priority) && name !== 'idle';
    if (name !== '') draft.take(directive, 'process.ionice', hasPriority ? `${name}:${priority}` : name);
  }),
  IOSchedulingPriority: single((directive, { draft, value }) => {
    if (value('IOSchedulingClass') !== undefined) return;
    if (/^[0-7]$/.test(directive.value))
      draft.take(directive, 'process.ionice', `best-effort:${directive.value}`);
    else draft.lack(directive, 'not a priority from 0 to 7');
  }),
  CPUAffinity: (directives, { draft }) => {
    const parts = directives.flatMap(({ value }) => value.split(/[\s,]+/));
    if (parts.every((part) => /^\d+(-\d+)?$/.test(part)))
      draft.take(directives.at(-1)!, 'process.cpus', parts.join(','));
    else draft.lack(directives.at(-1)!, 'not a list of processors');
  },
  AmbientCapabilities: (directives, { draft }) => {
    const names = directives
      .flatMap(({ value }) => value.split(/\s+/))
      .map((name) => name.toUpperCase().slice('CAP_'.length));
    const known = names.filter((name) => (CAPABILITIES as readonly string[]).includes(name));
    if (known.length > 0) draft.take(directives.at(-1)!, 'process.capabilities', [...new Set(known)]);
    if (known.length < names.length)
      draft.lack(directives.at(-1)!, 'only a plain list of capabilities is taken over');
  },
};

/** ioprio_set(2), as systemd names or numbers it, and as a spec does. */
const IO_CLASSES: Readonly<Record<string, string>> = {
  0: '',
  1: 'realtime',
  2: 'best-effort',
  3: 'idle',
  none: '',
  realtime: 'realtime',
  'best-effort': 'best-effort',
  idle: 'idle',
};

function memory(key: 'limit' | 'request'): ServiceRule {
  return single((directive, { draft }) => {
    const size = byteCount(directive.value);
    if (size === null) draft.lack(directive, directive.value.endsWith('%') ? PERCENT : 'not a size');
    else if (Number.isFinite(size) && size >= PAGE_BYTES)
      draft.take(directive, `resources.memory.${key}`, sizeText(size));
  });
}

/** `soft:hard` sets both apart; fleetd sets one value for both, and systemd lets an agent raise the soft one up to the hard. */
function hardLimit(value: string): string {
  return value.slice(value.indexOf(':') + 1);
}

/** A limit of setrlimit(2). @param read gives its number, infinity, or null for what is neither */
function limit(key: string, read: (value: string) => number | null): ServiceRule {
  return single((directive, { draft }) => {
    const value = read(hardLimit(directive.value));
    if (value === null) draft.lack(directive, 'not a limit that systemd knows');
    else
      draft.take(
        directive,
        `limits.${key}`,
        Number.isFinite(value) ? sizeText(Math.ceil(value)) : 'unlimited',
      );
  });
}

function number(key: string, min: number, max: number): ServiceRule {
  return single((directive, { draft }) => {
    const value = Number(directive.value);
    if (Number.isInteger(value) && value >= min && value <= max)
      draft.take(directive, `process.${key}`, value);
    else draft.lack(directive, `not a whole number from ${min} to ${max}`);
  });
}
