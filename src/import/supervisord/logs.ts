import type { Directive, Rules } from '../draft.ts';
import { sizeText } from '../values.ts';
import { bytes, isTrue, type Program, valueOr, wholeNumber } from './program.ts';

const NOT_APART =
  'stdout and stderr of a fleet have the same size and number of files; those of stdout count';
const CAPTURE = 'supervisord reads events from this output; fleetd has none';
/** logs.maxSize has a minimum. */
const LOG_BYTES_MIN = 1_024;

/** The directives about output. */
export const LOG_RULES: Rules<Program> = {
  redirect_stderr: (directive, program) => {
    if (isTrue(directive.value) === false) keepApart(program);
  },
  stdout_logfile: toPlace,
  stderr_logfile: (directive, program) => {
    if (isTrue(valueOr(program, 'redirect_stderr', 'false')) === true) return;
    keepApart(program);
    toPlace(directive, program);
  },
  stdout_logfile_maxbytes: (directive, program) => {
    const size = bytes(directive, program);
    if (size === null) return;
    if (size >= LOG_BYTES_MIN) program.draft.take(directive, 'logs.maxSize', sizeText(size));
    else program.draft.lack(directive, 'a log is always bounded; logs.maxSize has its default');
  },
  stdout_logfile_backups: (directive, program) => {
    const count = wholeNumber(directive, program);
    if (count !== null && count > 0) program.draft.take(directive, 'logs.keep', count);
    else if (count === 0) program.draft.lack(directive, 'at least one old file of a log is kept');
  },
  stderr_logfile_maxbytes: sameAs('stdout_logfile_maxbytes'),
  stderr_logfile_backups: sameAs('stdout_logfile_backups'),
  stdout_capture_maxbytes: CAPTURE,
  stderr_capture_maxbytes: CAPTURE,
  stdout_events_enabled: CAPTURE,
  stderr_events_enabled: CAPTURE,
  stdout_syslog: toJournal,
  stderr_syslog: toJournal,
};

/** Whether the program's output is thrown away. */
function hasNone(program: Program): boolean {
  const isNone = (name: string) => /^(none|\/dev\/null)$/i.test(valueOr(program, name, 'auto'));
  const isJoined = isTrue(valueOr(program, 'redirect_stderr', 'false')) === true;
  return isNone('stdout_logfile') && (isJoined || isNone('stderr_logfile'));
}

function keepApart(program: Program): void {
  program.draft.set('logs.stderr', 'separate');
}

function toPlace(directive: Directive, program: Program): void {
  const value = directive.value.trim();
  if (hasNone(program)) program.draft.set('logs.to', 'null');
  else if (/^syslog$/i.test(value)) toJournal(directive, program);
  else if (!/^auto$/i.test(value)) {
    const { name } = program.draft;
    program.draft.lack(
      directive,
      `the output of each agent is in a file of its own; fleetctl logs SLOT --fleet ${name} shows it`,
    );
  }
}

function toJournal(directive: Directive, program: Program): void {
  if (isTrue(directive.value) === false) return;
  program.draft.set('logs.to', 'journal');
}

function sameAs(other: string): (directive: Directive, program: Program) => void {
  return (directive, program) => {
    const value = program.directive(other)?.value.trim();
    if (value !== directive.value.trim()) program.draft.lack(directive, NOT_APART);
  };
}
