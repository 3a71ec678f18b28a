import { cpSync, existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';

/**
 * Builds what is shipped, from `src` into the directory that is named: each program in one file, whose modules run when
 * something needs them; libraries that few commands need, in a file each; the dashboard's page; and the licences of all
 * libraries in these. CommonJS, because it starts 2 ms faster than a module, and takes a native module when that is due.
 */
const OUT = process.argv[2] ?? 'dist';
const PROGRAMS = {
  fleetctl: 'src/cli/main.ts',
  fleetd: 'src/daemon/main.ts',
  'reader-process': 'src/host/files/reader-process.ts',
};
const LIBRARIES = ['execa', 'pidusage', 'systeminformation', 'yaml'];
/** Our file that uses the libraries of OpenTelemetry: they are large, and loaded only where telemetry is sent. */
const TELEMETRY = { opentelemetry: 'src/daemon/telemetry/sdk.ts' };
/** A native module, and one that goes to browsers as it is. */
const EXTERNAL = ['koffi', 'uplot'];

const common: BuildOptions = {
  outdir: OUT,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  external: EXTERNAL,
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  define: { 'import.meta.url': 'OWN_URL' },
  banner: { js: "const OWN_URL=require('node:url').pathToFileURL(__filename).href;" },
};

rmSync(OUT, { recursive: true, force: true });
// Nobody looks for a fault in these by its trace, so that their names may go as well.
const libraries = await build({
  ...common,
  minifyIdentifiers: true,
  entryPoints: { ...Object.fromEntries(LIBRARIES.map((name) => [name, name])), ...TELEMETRY },
});
const programs = await build({
  ...common,
  entryPoints: PROGRAMS,
  plugins: [librariesApart(), withoutSubprocesses()],
});
await build({
  entryPoints: ['src/dashboard/main.ts'],
  outdir: `${OUT}/dashboard`,
  bundle: true,
  platform: 'browser',
  format: 'esm',
  target: 'es2024',
  external: ['uplot'],
  minifySyntax: true,
  logLevel: 'warning',
});
for (const file of globSync('src/dashboard/*.{html,css,svg}'))
  cpSync(file, `${OUT}/dashboard/${basename(file)}`);
writeFileSync(
  `${OUT}/LICENSES.txt`,
  licences({ ...libraries.metafile!.inputs, ...programs.metafile!.inputs }),
);

function librariesApart(): Plugin {
  return {
    name: 'libraries in files of their own',
    setup({ onResolve }) {
      onResolve({ filter: new RegExp(`^(${LIBRARIES.join('|')})$`) }, ({ path }) => ({
        path: `./${path}.cjs`,
        external: true,
      }));
      onResolve({ filter: /\/sdk\.ts$/ }, ({ importer }) =>
        importer.endsWith('/daemon/telemetry/telemetry.ts')
          ? { path: './opentelemetry.cjs', external: true }
          : null,
      );
    },
  };
}

/** Commander can run subcommands that are programs; ours are not, and what it loads for that takes 3 ms of each start. */
function withoutSubprocesses(): Plugin {
  return {
    name: 'commander without node:child_process',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
        importer.includes('/node_modules/commander/') ? { path: 'nothing', namespace: 'empty' } : null,
      );
      onLoad({ filter: /.*/, namespace: 'empty' }, () => ({
        contents: 'module.exports = {};',
        loader: 'js',
      }));
    },
  };
}

/** The licences of all libraries that a build has taken code from. */
function licences(inputs: Metafile['inputs']): string {
  const packages = new Set(
    Object.keys(inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
  );
  return [...packages]
    .sort()
    .map((directory) => {
      const { name, version, license } = JSON.parse(readFileSync(`${directory}/package.json`, 'utf8'));
      const [file] = globSync(`${directory}/{LICENSE,LICENCE,license,licence}*`);
      const text = file && existsSync(file) ? readFileSync(file, 'utf8').trim() : `Licence: ${license}`;
      return `${name} ${version}\n${'-'.repeat(`${name} ${version}`.length)}\n\n${text}\n`;
    })
    .join('\n\n');
}
