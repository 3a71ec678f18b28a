import type { Directive } from '../draft.ts';
import { hole } from '../holes.ts';
import type { World } from '../input.ts';
import type { Service } from './service.ts';

const NOT_KNOWN = 'what it stands for differs by host and is not looked up; write its value';

/**
 * Fills in specifiers (systemd.unit(5)): those of the instance become the slot or the port of the slot, those of the
 * system manager its fixed directories. What cannot be known is reported and stays as it is.
 */
export function expandSpecifiers(directive: Directive, service: Service): string {
  return directive.value.replace(/%(.)/gs, (whole, letter: string) => {
    const value = specifierOf(letter, service);
    if (value === null) service.draft.lack(directive, `${whole}: ${NOT_KNOWN}`);
    return value ?? whole;
  });
}

function specifierOf(letter: string, service: Service): string | null {
  const { unit, world } = service;
  const [prefix] = unit.split('@') as [string];
  const instance = instanceHole(service);
  const full = unit.endsWith('@') ? unit + instance : unit;
  switch (letter) {
    case '%':
      return '%';
    case 'i':
    case 'I':
      return instance;
    case 'n':
      return `${full}.service`;
    case 'N':
      return full;
    case 'p':
    case 'P':
      return prefix;
    case 'j':
    case 'J':
      return prefix.slice(prefix.lastIndexOf('-') + 1);
    case 'f':
      return `/${instance === '' ? prefix : instance}`;
    case 'H':
      return world.hostName;
    case 'l':
      return world.hostName.split('.')[0]!;
    case 'Y':
      return world.directory;
    default:
      return ofManager(letter, world);
  }
}

/** What the system manager, which runs as root, has for these. */
const SYSTEM: Readonly<Record<string, string>> = {
  t: '/run',
  S: '/var/lib',
  C: '/var/cache',
  L: '/var/log',
  E: '/etc',
  T: '/tmp',
  V: '/var/tmp',
  s: '/bin/sh',
  h: '/root',
  u: 'root',
  U: '0',
  g: 'root',
  G: '0',
};

/** What the manager has that runs the unit: a user's own, if the unit lies among those. */
function ofManager(letter: string, { directory, env }: World): string | null {
  if (!/\/systemd\/user(\/|$)/.test(directory)) return SYSTEM[letter] ?? null;
  const variable = { h: 'HOME', t: 'XDG_RUNTIME_DIR', u: 'USER', s: 'SHELL' }[letter];
  return variable === undefined ? null : (env[variable] ?? null);
}

/** What stands for the instance: a hole in a template, the name in an instance of one, nothing in another unit. */
function instanceHole({ unit, instances }: Pick<Service, 'unit' | 'instances'>): string {
  const [, name] = unit.split('@');
  if (name !== '') return name ?? '';
  return hole(instances.kind === 'ports' ? 'port' : 'slot');
}
