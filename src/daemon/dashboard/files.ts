import { createRequire, stripTypeScriptTypes } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { readTextFile } from '../../host/files/files.ts';
import { CODE } from '../../host/sys/package.ts';

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  ts: 'text/javascript; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
};
/** The rooms of the page; all but the first are as pure in a browser as here. */
const PAGE_FILE = /^\/(dashboard|api|specification|supervisor)\/[a-z-]+\.(html|css|svg|ts|js)$/;
/** The directory of these rooms; built, the page's script is one file. */
const ROOT = pathToFileURL(`${CODE.directory}/`);

/** A file of the page, as it is served. */
export interface PageFile {
  type: string;
  body: string;
}

/**
 * A file of the page by its path in the URL; null if there is none. Links and imports carry the token, because requests
 * without it are refused; modules lose their types, if they have any.
 */
export function pageFile(path: string, token: string): PageFile | null {
  const file = locate(path);
  const content = file && readTextFile(fileURLToPath(file));
  if (!file || content === null) return null;
  const ending = file.pathname.slice(file.pathname.lastIndexOf('.') + 1);
  const script = ending === 'ts' ? stripTypeScriptTypes(content) : content;
  return { type: TYPES[ending]!, body: withToken(script, ending, token) };
}

function locate(path: string): URL | null {
  if (path === '/') return new URL('dashboard/index.html', ROOT);
  if (path === '/vendor/uplot.js') return new URL(UPLOT);
  if (path === '/vendor/uplot.css') return new URL('uPlot.min.css', UPLOT);
  return PAGE_FILE.test(path) ? new URL(path.slice(1), ROOT) : null;
}

/** The package's CommonJS twin lies next to what browsers take. */
const UPLOT = pathToFileURL(`${dirname(createRequire(import.meta.url).resolve('uplot'))}/uPlot.esm.js`).href;

function withToken(text: string, ending: string, token: string): string {
  const query = `?token=${token}`;
  if (ending === 'html')
    return text.replaceAll(/(href|src)="(\/[^"]+?)(\.js)?"/g, (_all, attribute, path, isModule) =>
      isModule && path.startsWith('/dashboard/')
        ? `${attribute}="${path}.${CODE.script}${query}"`
        : `${attribute}="${path}${isModule ?? ''}${query}"`,
    );
  if (ending !== 'ts' && ending !== 'js') return text;
  return text.replaceAll(
    /^((?:import|export)\b[^'"]*?\bfrom\s*)(['"])([^'"]+)\2/gm,
    (_all, before, quote, from) => {
      const path = from === 'uplot' ? '/vendor/uplot.js' : from;
      return `${before}${quote}${path}${query}${quote}`;
    },
  );
}
