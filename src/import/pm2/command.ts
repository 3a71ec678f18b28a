import { template, templates } from '../holes.ts';
import { absolutePath, baseName } from '../values.ts';
import { type App, wordList } from './app.ts';

/** What runs a script, by its ending, unless `interpreter` says so. */
const INTERPRETERS: Readonly<Record<string, readonly string[]>> = {
  js: ['node'],
  cjs: ['node'],
  mjs: ['node'],
  ts: ['bun'],
  tsx: ['bun'],
  py: ['python3', '-u'],
  sh: ['bash'],
  rb: ['ruby'],
  pl: ['perl'],
  php: ['php'],
  coffee: ['coffee'],
  ls: ['lsc'],
};

/** Sets the command and the directory of an app: pm2's script, interpreter, their arguments, and cwd. */
export function setCommand(app: App): void {
  const { draft, values, world } = app;
  const cwd = absolutePath(world.directory, String(values.cwd ?? '.'));
  draft.set('cwd', template(cwd));
  const own = values.args === undefined ? [] : wordList(values.args, app.directive('args'), app);
  const options =
    values.node_args === undefined ? [] : wordList(values.node_args, app.directive('node_args'), app);
  const [script, ...more] = scriptWords(app);
  const isFile = script!.includes('/') || /\.\w+$/.test(script!);
  const file = isFile ? absolutePath(cwd, script!) : script!;
  draft.set(
    'command',
    templates([...interpreterOf(app, script!, isFile), ...options, file, ...more, ...own]),
  );
}

/** The script; pm2 takes `npm start` as a script with its arguments too. */
function scriptWords(app: App): string[] {
  const script = String(app.values.script);
  return / /.test(script) && !script.startsWith('/')
    ? wordList(script, app.directive('script'), app)
    : [script];
}

function interpreterOf(
  { values, draft, directive }: App,
  script: string,
  isFile: boolean,
): readonly string[] {
  const { interpreter } = values;
  if (interpreter === 'none' || interpreter === '') return [];
  if (typeof interpreter === 'string') return [interpreter === 'python' ? 'python3' : interpreter];
  const ending = /\.(\w+)$/.exec(baseName(script))?.[1] ?? '';
  const known = isFile ? INTERPRETERS[ending] : undefined;
  if (known?.[0] === 'bun') {
    draft.lack(
      directive('script'),
      'pm2 runs TypeScript with bun; Node 24 runs it too, as command: [node, FILE]',
    );
  }
  return known ?? [];
}
