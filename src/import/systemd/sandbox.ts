import type { Directive } from '../draft.ts';
import { template } from '../holes.ts';
import { wordsOf } from './exec.ts';
import { boolean, type Service, type ServiceRules, single } from './service.ts';

/** Prefixes of a path: what is missing is passed over, what is relative starts at RootDirectory= (systemd.exec(5)). */
const PREFIX = /^[-+]{1,2}/;
/** Only with it, systemd has all of the file system read-only. */
const STRICT = 'strict';

/** Directives of [Service] that become a sandbox. */
export const SANDBOX_RULES: ServiceRules = {
  ProtectSystem: single((directive, service) => {
    if (boolean(directive.value) === false) return;
    if (directive.value !== STRICT)
      return service.draft.lack(directive, 'only strict has an equivalent, sandbox.readOnly');
    setReadOnly(service);
  }),
  PrivateTmp: single((directive, service) => {
    if (boolean(directive.value) === false) return;
    service.draft.take(directive, 'sandbox.tmp', 'private');
    setReadOnly(service);
  }),
  ReadWritePaths: writable,
  ReadWriteDirectories: writable,
};

/** Both keys have defaults that systemd's directives do not have. */
function setReadOnly({ draft, value }: Service): void {
  const isStrict = value('ProtectSystem') === STRICT;
  draft.set('sandbox.readOnly', isStrict);
  if (isStrict && boolean(value('PrivateTmp') ?? 'no') !== true) draft.set('sandbox.tmp', 'shared');
}

function writable(directives: readonly Directive[], service: Service): void {
  const { draft, value } = service;
  const last = directives.at(-1)!;
  if (value('ProtectSystem') !== STRICT) {
    draft.lack(last, 'without ProtectSystem=strict everything stays writable, as far as its user may');
    return;
  }
  const words = directives.flatMap((each) => wordsOf(each, service));
  const paths = words.map((word) => template(word.replace(PREFIX, '')));
  draft.take(last, 'sandbox.writable', paths);
  if (words.some((word) => /^\+?-/.test(word)))
    draft.lack(last, 'prefix -: a path that is missing fails the start');
}
