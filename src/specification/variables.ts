/** What the name of a variable looks like: that of a shell's variable, with dots and dashes (spring.port). */
export const VARIABLE_PATTERN = '^[A-Za-z_][A-Za-z0-9_.-]*$';
/** The same in words. */
export const VARIABLE_NAME = 'a name of letters, digits, _, . and - that begins with a letter or _';

const NAME = new RegExp(VARIABLE_PATTERN);

/** Whether a text can be the name of a variable in an agent's environment. */
export function isVariableName(name: string): boolean {
  return NAME.test(name) && name !== '__proto__';
}
