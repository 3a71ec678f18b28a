import type { SourceFile } from './input.ts';
import { baseName } from './values.ts';

/** What can be imported. */
export const KINDS = ['supervisord', 'pm2', 'systemd', 'procfile'] as const;
export type Kind = (typeof KINDS)[number];

/** Recognises a file by its name, else by its content; null if neither says enough. */
export function kindOf({ file, text }: SourceFile): Kind | null {
  const name = baseName(file);
  if (/\.service$/.test(name)) return 'systemd';
  if (/^Procfile(\.|$)/i.test(name) || /\.Procfile$/i.test(name)) return 'procfile';
  if (/\.([cm]?js|json|ya?ml)$/.test(name)) return 'pm2';
  if (/^\s*\[(program|fcgi-program|group|eventlistener):|^\s*\[(supervisord|include)\]/m.test(text))
    return 'supervisord';
  if (/^\[Service\]\s*$/m.test(text)) return 'systemd';
  if (/^\s*[{[]\s*["'/}\]]/.test(text)) return 'pm2';
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'));
  return lines.length > 0 && lines.every((line) => /^[A-Za-z0-9_-]+:\s*\S/.test(line)) ? 'procfile' : null;
}
