import type { Directive, Rules } from '../draft.ts';
import { template, templates } from '../holes.ts';
import { refusal } from '../problem.ts';
import { absolutePath, attemptsPeriod, baseName, isUserName, secondsText, signalName } from '../values.ts';
import { shellWords, WordsProblem } from '../words.ts';
import { readVariables } from './environment.ts';
import { LOG_RULES } from './logs.ts';
import { isTrue, noteStart, type Program, valueOr, wholeNumber } from './program.ts';

const SETTLED = 'ready.timeout must be longer than startsecs';
/** The default of ready.timeout, in seconds; a program that takes longer needs its own. */
const READY_TIMEOUT_SECONDS = 30;
const NO_EVENTS = 'fleetd has no event listeners; fleetctl events -f shows what happens';

/** Every directive of [program:x], and what becomes of it. */
export const PROGRAM_RULES: Rules<Program> = {
  command: toCommand,
  process_name: (directive, { draft, name }) => {
    const rest = directive.value.replace(/%\((program_name|group_name|process_num)\)[-0-9]*[sd]/g, '');
    if (/^[-_.:]*$/.test(rest) || directive.value.trim() === name) return;
    draft.lack(directive, 'agents have no name of their own: they are known by fleet and slot');
  },
  numprocs: (directive, program) => {
    const { draft, numprocs, numprocsStart } = program;
    if (isTrue(valueOr(program, 'autostart', 'true')) !== false) draft.take(directive, 'target', numprocs);
    if (numprocsStart !== 0) draft.note('target', `Process ${numprocsStart} becomes slot 0, and so on.`);
    if (!/^\d+$/.test(directive.value.trim())) draft.lack(directive, 'not a whole number');
  },
  numprocs_start: (directive, { draft, numprocsStart }) => {
    if (numprocsStart !== 0) draft.lack(directive, 'slots always count from 0');
  },
  priority:
    'fleets start independently of each other; what needs another service retries, by its restart, until that is ready',
  autostart: (directive, { draft, numprocs }) => {
    if (isTrue(directive.value) !== false) return;
    draft.set(
      'target',
      0,
      `autostart=false: start it with fleetctl spawn ${numprocs} --fleet ${draft.name}.`,
    );
  },
  startsecs: (directive, program) => {
    const seconds = wholeNumber(directive, program);
    if (seconds === null) return;
    program.draft.take(directive, 'ready.after', secondsText(seconds));
    program.draft.note(
      'ready',
      `startsecs=${seconds}. A real check is better: tcp, socket, http, exec or notify.`,
    );
    if (seconds < READY_TIMEOUT_SECONDS) return;
    program.draft.take(directive, 'ready.timeout', secondsText(seconds + READY_TIMEOUT_SECONDS), SETTLED);
  },
  startretries: (directive, program) => {
    const retries = wholeNumber(directive, program);
    if (retries === null) return;
    const count = Math.max(retries, 1);
    if (retries === 0)
      program.draft.lack(directive, 'restart.attempts is at least one; restart.on: never has none');
    program.draft.take(
      directive,
      'restart.attempts',
      { count, within: attemptsPeriod(count, Number(valueOr(program, 'startsecs', '1')) || 0) },
      `startretries=${retries}: after so many restarts within this time the slot is failed, as FATAL was.`,
    );
  },
  autorestart: (directive, { draft }) => {
    const value = directive.value.trim().toLowerCase();
    if (value === 'unexpected') draft.set('restart.on', 'on-failure');
    else if (isTrue(value) === null) draft.lack(directive, 'neither true, false nor unexpected');
    else draft.set('restart.on', isTrue(value) ? 'always' : 'never');
  },
  exitcodes: (directive, program) => {
    const codes = directive.value.split(',').map((code) => code.trim());
    if (valueOr(program, 'autorestart', 'unexpected').toLowerCase() !== 'unexpected') {
      return program.draft.lack(directive, 'without autorestart=unexpected it has no effect');
    }
    if (codes.some((code) => !/^\d{1,3}$/.test(code) || Number(code) > 255)) {
      return program.draft.lack(directive, 'not a list of exit codes');
    }
    if (codes.join() !== '0') program.draft.take(directive, 'restart.success', codes.map(Number));
  },
  stopsignal: (directive, { draft }) => {
    const signal = signalName(directive.value.trim());
    if (signal !== null) draft.take(directive, 'stop.signal', signal);
    else draft.lack(directive, 'not a signal that stop.signal accepts');
  },
  stopwaitsecs: (directive, program) => {
    const seconds = wholeNumber(directive, program);
    if (seconds !== null) program.draft.take(directive, 'stop.grace', secondsText(seconds));
  },
  stopasgroup: (directive, { draft }) => {
    if (isTrue(directive.value)) draft.set('stop.to', 'all');
  },
  // SIGKILL always goes to everything that is left in the slot.
  killasgroup: () => {},
  user: toUser,
  environment: (directive, program) => {
    const value = program.expand(directive);
    noteStart(directive, value, program);
    const { variables, wrong } = readVariables(value);
    if (wrong !== null) program.draft.lack(directive, `not KEY="value" pairs: ${wrong}`);
    program.draft.addEnv(variables);
  },
  directory: (directive, program) => {
    const value = program.expand(directive);
    noteStart(directive, value, program);
    program.draft.set('cwd', template(absolutePath(program.here, value)));
  },
  umask: (directive, { draft }) => {
    const mask = directive.value.trim();
    if (/^0?[0-7]{1,3}$/.test(mask)) draft.take(directive, 'process.umask', mask.padStart(3, '0'));
    else draft.lack(directive, 'not an octal number');
  },
  serverurl:
    'it is for event listeners and for programs that call supervisord; nothing here speaks its protocol',
  ...LOG_RULES,
};

/** What [fcgi-program:x] has in addition. */
export const FCGI_RULES: Rules<Program> = Object.fromEntries(
  ['socket', 'socket_backlog', 'socket_owner', 'socket_mode'].map((name) => [
    name,
    'no socket is opened for an agent and handed to it as descriptor 0; the program itself must listen, at {socket} or {port}',
  ]),
);

/** What [eventlistener:x] has; nothing of it can be taken over. */
export const LISTENER_REASON = NO_EVENTS;

/** Sets `user` from a name. supervisord also takes a uid. */
export function toUser(directive: Directive, { draft }: Pick<Program, 'draft'>): void {
  const user = directive.value.trim();
  if (isUserName(user)) draft.set('user', user, 'The supervisor must run as root for this.');
  else draft.lack(directive, 'user takes the name of a user, not a uid');
}

function toCommand(directive: Directive, program: Program): void {
  const value = program.expand(directive);
  noteStart(directive, value, program);
  if (program.portBase !== null) {
    program.draft.set(
      'ports',
      { base: program.portBase },
      `Slot i has the port ${program.portBase} + i, {port}.`,
    );
  }
  const words = wordsOf(directive, value);
  const [file, ...rest] = words as [string, ...string[]];
  const directory = program.directive('directory');
  const from = directory === undefined ? program.here : absolutePath(program.here, program.expand(directory));
  program.draft.set('command', templates([file.includes('/') ? absolutePath(from, file) : file, ...rest]));
  if (directory === undefined) {
    program.draft.note('command', "It runs in the slot's own directory, {dir}; set cwd for another one.");
  }
  if (['pidproxy', 'pidproxy.py'].includes(baseName(file))) {
    program.draft.lack(
      directive,
      'pidproxy is not needed: write the daemon itself, and its pid file as pidFile',
    );
  }
}

function wordsOf(directive: Directive, value: string): string[] {
  try {
    const words = shellWords(value);
    if (words.length > 0 && words[0] !== '') return words;
  } catch (error) {
    if (!(error instanceof WordsProblem)) throw error;
    throw refusal(directive, `command: ${error.message}`);
  }
  throw refusal(directive, 'command is empty');
}
