import { template } from '../holes.ts';

const PAIR = /\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*("[^"]*"|'[^']*'|[^,\s]*)\s*(?:,|$)/y;

/**
 * Reads `KEY="value",OTHER=word`, as `environment` has it. A backslash has no meaning there.
 * @returns the values as templates; and where the text could not be read further, or null
 */
export function readVariables(text: string): { variables: Record<string, string>; wrong: string | null } {
  const variables: Record<string, string> = {};
  const pairs = text.trim();
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < pairs.length) {
    const from = PAIR.lastIndex;
    const [, name, value] = PAIR.exec(pairs) ?? [];
    if (name === undefined) return { variables, wrong: pairs.slice(from, from + 40) };
    variables[name] = template(value!.replace(/^(["'])(.*)\1$/s, '$2'));
  }
  return { variables, wrong: null };
}
