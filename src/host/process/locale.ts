import { readFileSync, readlinkSync } from 'node:fs';
import type { Locale } from './accounts.ts';

/** The language of the host, which agents get whoever started the supervisor: from its configuration, else C.UTF-8. */
function hostLanguage(): string {
  for (const file of ['/etc/locale.conf', '/etc/default/locale']) {
    const found = /^LANG="?([^"\n]+)"?$/m.exec(readOptional(file))?.[1];
    if (found) return found;
  }
  return 'C.UTF-8';
}

/** The time zone of the host by its name in the zone database; UTC if it has none. */
function hostTimeZone(): string {
  try {
    const zone = /zoneinfo\/(.+)$/.exec(readlinkSync('/etc/localtime'))?.[1];
    if (zone) return zone;
  } catch {} // Not a link: the zone may be a copied file, with its name elsewhere.
  return readOptional('/etc/timezone').trim() || 'UTC';
}

function readOptional(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** The part of agents' environment that comes from this host; both files belong to root. */
export function hostLocale(): Locale {
  return { language: hostLanguage(), timeZone: hostTimeZone() };
}
