/**
 * The program of the child that evaluates an ecosystem file: its path is the argument, its text comes on stdin, and the
 * answer goes to descriptor 3, because the file may print. It is text, as the child may read nothing of this package.
 * A file is CommonJS unless its name or its syntax says otherwise. What JSON cannot hold is named instead.
 */
export const EVALUATOR = `
const fs = require('node:fs');
const Module = require('node:module');
const { dirname } = require('node:path');
const { pathToFileURL } = require('node:url');
const { isModuleNamespaceObject } = require('node:util/types');
const path = process.argv[1];
const text = fs.readFileSync(0, 'utf8');
const answer = (document) => fs.writeFileSync(3, JSON.stringify(document));

function asCommonJs() {
  const own = new Module(path);
  own.filename = path;
  own.paths = Module._nodeModulePaths(dirname(path));
  own._compile(text, path);
  // Node compiles the syntax of modules here as well, if nothing in it waits.
  return isModuleNamespaceObject(own.exports) ? own.exports.default : own.exports;
}

async function asModule() {
  const url = pathToFileURL(path).href;
  Module.registerHooks({
    resolve: (name, context, next) =>
      name === url ? { url, format: 'module', shortCircuit: true } : next(name, context),
    load: (name, context, next) =>
      name === url ? { format: 'module', source: text, shortCircuit: true } : next(name, context),
  });
  return (await import(url)).default;
}

async function exported() {
  if (path.endsWith('.mjs')) return asModule();
  try {
    return asCommonJs();
  } catch (error) {
    if (!(error instanceof SyntaxError) || path.endsWith('.cjs')) throw error;
    return asModule();
  }
}

const strange = [];
function plain(value, path, around) {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'function' || typeof value === 'symbol') {
    strange.push({ path, what: 'a ' + typeof value });
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (around.includes(value)) {
    strange.push({ path, what: 'a reference to what contains it' });
    return undefined;
  }
  if (typeof value.toJSON === 'function') return value.toJSON();
  const below = (key) => (path === '' ? key : path + '.' + key);
  const inner = [...around, value];
  if (Array.isArray(value)) return value.map((each, at) => plain(each, below(String(at)), inner));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each, below(key), inner)]));
}

exported().then(
  (value) => answer({ value: plain(value, '', []) ?? null, strange }),
  (error) => {
    answer({ error: String((error && error.message) || error).split('\\n')[0] + lineOf(error) });
    process.exit(1);
  },
);

function lineOf(error) {
  const stack = String((error && error.stack) || '');
  const at = stack.indexOf(path + ':');
  const line = at < 0 ? '' : /^\\d+/.exec(stack.slice(at + path.length + 1));
  return line ? ' (line ' + line[0] + ')' : '';
}
`;
