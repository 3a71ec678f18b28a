import { sizeText } from '../values.ts';
import { byteCount, type ServiceRule, type ServiceRules, single } from './service.ts';

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
    draft.set('resources.cpu', Number(percent) / 100);
  }),
  TasksMax: single((directive, { draft }) => {
    if (directive.value === 'infinity') return;
    if (/^[1-9]\d*$/.test(directive.value)) draft.set('resources.pids', Number(directive.value));
    else draft.lack(directive, 'resources.pids takes a number');
  }),
  LimitNOFILE: single((directive, { draft }) => {
    const limit = hardLimit(directive.value);
    if (/^\d+$/.test(limit) && Number(limit) >= 3) draft.set('resources.nofile', Number(limit));
    else draft.lack(directive, 'resources.nofile takes a number');
  }),
  LimitCORE: bytesLimit('core'),
  LimitSTACK: bytesLimit('stack'),
  LimitMEMLOCK: bytesLimit('memlock'),
  LimitFSIZE: bytesLimit('fsize'),
  LimitNPROC: single((directive, { draft }) => {
    const limit = hardLimit(directive.value);
    if (limit === 'infinity') draft.set('limits.nproc', 'unlimited');
    else if (/^[1-9]\d*$/.test(limit)) draft.set('limits.nproc', Number(limit));
    else draft.lack(directive, 'not a number');
  }),
  Nice: number('nice'),
  OOMScoreAdjust: number('oomScoreAdj'),
  UMask: single((directive, { draft }) => {
    if (/^[0-7]{1,4}$/.test(directive.value)) draft.set('process.umask', directive.value.padStart(3, '0'));
    else draft.lack(directive, 'not an octal number');
  }),
  IOSchedulingClass: single((directive, { draft }) => {
    if (/^(idle|3)$/.test(directive.value)) draft.set('process.ionice', 'idle');
    else if (!/^(none|0)$/.test(directive.value))
      draft.lack(directive, 'only the class idle is taken over, as process.ionice');
  }),
  CPUAffinity: (directives, { draft }) => {
    const parts = directives.flatMap(({ value }) => value.split(/[\s,]+/));
    if (parts.every((part) => /^\d+(-\d+)?$/.test(part))) draft.set('process.cpus', parts.join(','));
    else draft.lack(directives.at(-1)!, 'not a list of processors');
  },
  AmbientCapabilities: (directives, { draft }) => {
    const names = directives.flatMap(({ value }) => value.split(/\s+/));
    if (names.every((name) => /^CAP_[A-Z_]+$/i.test(name))) {
      draft.set(
        'process.capabilities',
        names.map((name) => name.toUpperCase().slice('CAP_'.length)),
      );
    } else draft.lack(directives.at(-1)!, 'only a plain list of capabilities can be taken over');
  },
};

function memory(key: 'limit' | 'request'): ServiceRule {
  return single((directive, { draft }) => {
    const size = byteCount(directive.value);
    if (size === null) return draft.lack(directive, directive.value.endsWith('%') ? PERCENT : 'not a size');
    if (Number.isFinite(size) && size >= PAGE_BYTES) draft.set(`resources.memory.${key}`, sizeText(size));
  });
}

/** `soft:hard` sets both apart; fleetd sets one value for both, and systemd lets an agent raise the soft one up to the hard. */
function hardLimit(value: string): string {
  return value.slice(value.indexOf(':') + 1);
}

function bytesLimit(key: string): ServiceRule {
  return single((directive, { draft }) => {
    const size = byteCount(hardLimit(directive.value));
    if (size === null) return draft.lack(directive, 'not a size');
    draft.set(`limits.${key}`, Number.isFinite(size) ? sizeText(size) : 'unlimited');
  });
}

function number(key: string): ServiceRule {
  return single((directive, { draft }) => {
    if (/^[-+]?\d{1,4}$/.test(directive.value)) draft.set(`process.${key}`, Number(directive.value));
    else draft.lack(directive, 'not a whole number');
  });
}
