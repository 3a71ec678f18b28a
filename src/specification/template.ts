import { FLEET } from './fields.ts';
import { type Field, fieldsOf } from './group.ts';

/** The column at which the help begins. */
const HELP_COLUMN = 44;

/**
 * Returns the commented fleet.yaml that `fleetctl init` writes. Without the leading `#`, the keys in comments are valid
 * YAML too.
 * @param schemaReference the path or URL of the JSON Schema, for the editor
 */
export function templateText(schemaReference: string): string {
  const lines = [
    `# yaml-language-server: $schema=${schemaReference}`,
    '# A fleet of like daemons. A line with # shows a default, or an example if there is no default.',
    '# Durations: 500ms 3s 5m 1h 30d. Sizes: 64K 256M 1G. Shares: 10%.',
    '# In commands, env, envFile, cwd, headers, sandbox.writable and pidFile: {slot} {slot:05} {port} {port.NAME} {address}',
    '# {socket} {dir} {fleet} {release} {label.KEY}; {{ and }} are literal braces.',
    '',
    ...Object.entries(FLEET.fields).flatMap(([key, field]) => linesOf(key, field, 0, true)),
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * The lines of a field. A mapping is shown key by key, unless it has an example of its own; a key with neither default nor
 * example is an alternative to others, which are shown.
 */
function linesOf(key: string, field: Field, depth: number, parentLive: boolean): string[] {
  const live = parentLive && field.live === true;
  const margin = (live ? '' : '#') + '  '.repeat(depth);
  const fields = field.example === undefined ? fieldsOf(field.type) : null;
  if (fields === null && field.example === undefined && field.default === undefined) return [];
  const value = fields === null ? ` ${flow(field.example ?? field.default)}` : '';
  const line = `${margin}${key}:${value}`.padEnd(HELP_COLUMN - 2);
  const help = `${line}  # ${field.help}`;
  const inner = Object.entries(fields ?? {});
  return [help, ...inner.flatMap(([name, each]) => linesOf(name, each, depth + 1, live))];
}

/** Returns a value as YAML on one line. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{ ${Object.entries(value)
      .map(([key, each]) => `${key}: ${flow(each)}`)
      .join(', ')} }`;
  }
  const plain =
    typeof value !== 'string' || /^[a-zA-Z./][\w./%-]*$|^\d+(ms|s|m|h|%|[KMGT](\/h)?)$/.test(value);
  return plain ? String(value) : JSON.stringify(value);
}
