import { type Directive, Draft, type Imported, type Place, ruleOf, type Unsupported } from '../draft.ts';
import { hole } from '../holes.ts';
import type { SourceFile, World } from '../input.ts';
import { refusal } from '../problem.ts';
import { expandNames, type Names, portPattern } from './expand.ts';
import { readIni, type Section } from './ini.ts';
import type { Program } from './program.ts';
import { FCGI_RULES, PROGRAM_RULES } from './rules.ts';
import { applyShared, leftOf } from './shared.ts';

/** What supervisord does where nothing is written, and fleetd would do otherwise. */
const DEFAULTS: Readonly<Record<string, string>> = {
  numprocs: '1',
  startsecs: '1',
  autorestart: 'unexpected',
  stopsignal: 'TERM',
  stopwaitsecs: '10',
};
const PROGRAM = /^(program|fcgi-program):(.+)$/;

/** The patterns of [include]: files relative to the directory of the configuration. @throws FleetError IMPORT_INVALID */
export function includesOf(main: SourceFile, world: World): { pattern: string; place: Place }[] {
  return merged(readIni(main))
    .filter(({ name }) => name === 'include')
    .flatMap(({ directives }) => directives.filter(({ name }) => name === 'files'))
    .flatMap((directive) =>
      expandNames(directive.value, commonNames(world), () => {})
        .split(/\s+/)
        .filter((pattern) => pattern !== '')
        .map((pattern) => ({ pattern, place: directive })),
    );
}

/**
 * Translates a supervisord.conf.
 * @param files the configuration, then the files that it includes, in their order
 * @throws FleetError IMPORT_INVALID with file and line
 */
export function importSupervisord(files: readonly SourceFile[], world: World): Imported {
  const [main, ...included] = files.map((file) => merged(readIni(file)));
  const unsupported: Unsupported[] = included
    .flat()
    .filter(({ name }) => name === 'include')
    .map(({ file, line, name }) => ({
      file,
      line,
      directive: `[${name}]`,
      reason: 'supervisord follows no include of an included file, and neither does the import',
    }));
  const sections = [...main!, ...included.flat().filter(({ name }) => name !== 'include')];
  const groups = groupsOf(sections);
  const own = sections.find(({ name }) => name === 'supervisord');
  const taken = new Set<string>();
  const fleets = sections
    .filter(({ name }) => PROGRAM.test(name))
    .map((section) => draftOf(section, { groups, own, taken, world }));
  for (const section of sections) unsupported.push(...leftOf(section));
  if (fleets.length === 0 && unsupported.length === 0) {
    throw refusal({ file: files[0]!.file, line: 1 }, 'there is no [program:x] in it');
  }
  return { fleets, unsupported };
}

/** Sections of the same name are one, as for configparser. */
function merged(sections: readonly Section[]): Section[] {
  const byName = new Map<string, Section>();
  for (const section of sections) {
    const first = byName.get(section.name);
    if (first === undefined) byName.set(section.name, { ...section });
    else first.directives = [...first.directives, ...section.directives];
  }
  return [...byName.values()];
}

interface Around {
  /** The group of each program that is in one. */
  groups: ReadonlyMap<string, string>;
  /** [supervisord], whose settings programs inherit. */
  own: Section | undefined;
  taken: Set<string>;
  world: World;
}

function groupsOf(sections: readonly Section[]): Map<string, string> {
  const groups = new Map<string, string>();
  for (const { name, directives } of sections) {
    if (!name.startsWith('group:')) continue;
    const programs = directives.findLast((each) => each.name === 'programs')?.value ?? '';
    for (const program of programs.split(',')) groups.set(program.trim(), name.slice('group:'.length).trim());
  }
  return groups;
}

function draftOf(section: Section, around: Around): Draft {
  const [, kind, name] = PROGRAM.exec(section.name) as unknown as [string, string, string];
  const origin = { ...section, name: `[${section.name}]`, value: '' };
  const draft = new Draft(name.trim(), origin, around.taken);
  const program = programOf(name.trim(), section, draft, around);
  if (program.directive('command') === undefined) throw refusal(section, `[${section.name}] has no command`);
  const group = around.groups.get(program.name);
  if (group !== undefined) draft.take({ ...origin, name: 'group', value: group }, 'labels', { group });
  applyShared(around.own, program);
  const written = lastOfEach(section.directives);
  const defaults = Object.entries(DEFAULTS)
    .filter(([each]) => !written.some(({ name: other }) => other === each))
    .map(([each, value]): Directive => ({ ...section, name: each, value }));
  for (const directive of [...defaults, ...written]) {
    const rules = kind === 'program' ? PROGRAM_RULES : { ...PROGRAM_RULES, ...FCGI_RULES };
    const rule = ruleOf(rules, directive.name);
    if (typeof rule === 'function') rule(directive, program);
    else draft.lack(directive, rule ?? `fleetctl knows no such directive of [${kind}:x]`);
  }
  // Only files have a size, and a place apart for stderr.
  const to = draft.get('logs.to');
  if (to !== undefined) draft.set('logs', { to });
  if (kind === 'fcgi-program') draft.set('target', 0, 'Nobody opens its socket; see the end of this file.');
  if (program.numprocs === 1)
    draft.set('restart.storm', 'off', 'The storm breaker is for fleets of many agents.');
  return draft;
}

function lastOfEach(directives: readonly Directive[]): Directive[] {
  return directives.filter(
    (directive, at) => !directives.slice(at + 1).some(({ name }) => name === directive.name),
  );
}

function programOf(name: string, section: Section, draft: Draft, { groups, world }: Around): Program {
  const directive = (each: string) => section.directives.findLast((other) => other.name === each);
  const count = (each: string, otherwise: number) => {
    const value = directive(each)?.value.trim() ?? '';
    return /^\d{1,6}$/.test(value) ? Number(value) : otherwise;
  };
  const names: Names = {
    ...commonNames(world),
    program_name: name,
    group_name: groups.get(name) ?? name,
    numprocs: count('numprocs', 1),
  };
  const numprocs = count('numprocs', 1);
  const numprocsStart = count('numprocs_start', 0);
  const port = numprocs > 1 ? portPattern(directive('command')?.value ?? '', numprocsStart, numprocs) : null;
  const withPort = (text: string) => (port === null ? text : text.replaceAll(port.text, hole('port')));
  return {
    draft,
    name,
    numprocs,
    numprocsStart,
    portBase: port?.base ?? null,
    here: world.directory,
    directive,
    expand: (each) => {
      for (const [, variable] of each.value.matchAll(/%\(ENV_(\w+)\)/g)) {
        if (world.env[variable!] === undefined) continue;
        draft.note('', `The value of ${variable} is that of the environment in which it was imported.`);
      }
      return expandNames(withPort(each.value), names, (text) => draft.lack(each, text));
    },
  };
}

function commonNames({ directory, hostName, env }: World): Names {
  const variables = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [[`ENV_${name}`, value]],
  );
  return { ...Object.fromEntries(variables), here: directory, host_node_name: hostName };
}
