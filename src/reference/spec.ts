import { FLEET } from '../specification/fields.ts';
import { type Field, fieldsOf, walk } from '../specification/group.ts';
import { PLACEHOLDERS } from '../specification/placeholders.ts';
import { code, table } from './markdown.ts';

const INTRODUCTION = `# The spec file

Every key of \`fleet.yaml\`. \`bin/generate\` makes this page from the field table; edit that instead.

The file is YAML 1.2, which includes JSON. Unknown keys, wrong types and values out of range are refused, all of them at
once, each with the path of the key. Durations are \`500ms\`, \`3s\`, \`5m\`, \`1h\` or combined as in \`1h30m\`; sizes are
\`64K\`, \`256M\`, \`1G\` (powers of 1024) or a number of bytes; rates are \`100M/h\`; shares are \`10%\`.
If the default of a mapping follows from the defaults of its keys, its own row shows none.
`;

/** Returns the text of docs/reference/spec.md. */
export function specPage(): string {
  const rows = [...walk(FLEET.fields)].map(({ path, field }) => [
    code(path),
    takesText(field),
    defaultText(field),
    field.help,
  ]);
  const placeholders = placeholderTerms().map(([written, help]) => [code(written), help]);
  return [
    INTRODUCTION,
    table(['key', 'value', 'default', 'meaning'], rows),
    '## Placeholders\n\nIn `command`, `env`, `envFile`, `cwd`, `start.before`, `prepare`, `ready.exec`, `health.check.exec`, `reload.exec`, `headers`, `sandbox.writable`, `pidFile` and `stop.command`; `{{` and `}}` are literal braces.\n',
    table(['placeholder', 'stands for'], placeholders),
  ].join('\n');
}

/** Every placeholder as it is written, and its meaning. */
export function placeholderTerms(): (readonly [written: string, help: string])[] {
  return Object.entries(PLACEHOLDERS).map(([name, help]) => [`{${name}}`, help] as const);
}

/** The values of a key, and the flag of `fleetctl spawn` that sets it. */
export function takesText({ type, flag }: Field): string {
  const value =
    fieldsOf(type) === null ? type.expected : type.expected.replace(/a mapping \(.*\)$/, 'a mapping');
  return flag === undefined ? value : `${value}; ${code(flag)}`;
}

/** The default of a key. */
export function defaultText({ required, otherwise, default: value, type }: Field): string {
  if (required) return '**required**';
  if (otherwise !== undefined) return otherwise;
  if (value === undefined) return 'absent';
  if (fieldsOf(type) !== null) return '';
  return code(typeof value === 'string' ? value : JSON.stringify(value));
}
