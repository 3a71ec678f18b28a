import type { Startup } from '../../doctor/facts.ts';
import { fetchText } from '../net/bounded-fetch.ts';
import { startupsIn } from './startups.ts';

/** Google's metadata service, as every VM there reaches it; other clouds pass their scripts through cloud-init's files. */
const DEFAULT_URL = 'http://metadata.google.internal';
/** Overrides the address, for a compatible service. */
const METADATA_VARIABLE = 'FLEETCTL_METADATA_URL';
const TIMEOUT_MS = 2_000;
const SCRIPT_BYTES_MAX = 256 * 1024;

/** The result of the metadata service: lines that start the fleet, or why it could not be read. */
export type CloudAnswer = { startups: Startup[] } | { problem: string };

/**
 * Reads the start-up scripts of the instance and of the project, both of which run at boot. A script that is not set
 * (404) is not a problem; a service that does not answer within 2 s is one.
 */
export async function readCloudStartups(executable: string | null): Promise<CloudAnswer> {
  const base = (process.env[METADATA_VARIABLE] || DEFAULT_URL).replace(/\/+$/, '');
  const addresses = ['instance', 'project'].map(
    (level) => `${base}/computeMetadata/v1/${level}/attributes/startup-script`,
  );
  try {
    const scripts = await Promise.all(addresses.map(fetchScript));
    return { startups: scripts.flatMap((script, i) => startupsIn(script, addresses[i]!, executable)) };
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    return { problem: `${base}: ${cause?.code ?? (error as Error).message}` };
  }
}

/** Only the real service returns the header of the request. */
async function fetchScript(address: string): Promise<string> {
  const { status, isOk, headers, text } = await fetchText(address, {
    headers: { 'Metadata-Flavor': 'Google' },
    msMax: TIMEOUT_MS,
    bytesMax: SCRIPT_BYTES_MAX,
  });
  if (status === 404) return '';
  if (!isOk) throw new Error(`it answered ${status}`);
  if (headers.get('Metadata-Flavor') !== 'Google') throw new Error('the responder is not a metadata service');
  return text;
}
