import { template } from '../holes.ts';
import type { App } from './app.ts';
import { isObject } from './document.ts';

/** What an agent is told its number by, unless `instance_var` names another variable. */
const INSTANCE_VARIABLE = 'NODE_APP_INSTANCE';
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const PORT_MAX = 65_535;

/** Sets the environment of an app: env, the chosen env_NAME, the variable of the instance, and the counted one. */
export function setEnvironment(app: App): void {
  const { draft, values, environment } = app;
  const chosen = environment === null ? undefined : values[`env_${environment}`];
  const variables = { ...asObject(values.env), ...asObject(chosen) };
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(variables)) {
    if (value === null || value === undefined) continue;
    if (!VARIABLE.test(name)) {
      draft.lack(app.directive('env'), `"${name}" is no name of a variable`);
      continue;
    }
    env[name] = template(typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  if (app.instances > 1 || values.instance_var !== undefined) {
    const name = String(values.instance_var ?? INSTANCE_VARIABLE);
    if (VARIABLE.test(name)) env[name] = '{slot}';
    else draft.lack(app.directive('instance_var'), `"${name}" is no name of a variable`);
  }
  if (Object.keys(env).length > 0) draft.addEnv(env);
  setPorts(app, env);
}

/** Instances that listen at a port of their environment get one each. */
function setPorts(app: App, env: Readonly<Record<string, string>>): void {
  const { draft, values, instances } = app;
  const counted = typeof values.increment_var === 'string' ? values.increment_var : null;
  const name = counted ?? (instances > 1 && 'PORT' in env ? 'PORT' : null);
  if (name === null) return;
  if (!VARIABLE.test(name)) {
    draft.lack(app.directive('increment_var'), `"${name}" is no name of a variable`);
    return;
  }
  const first = Number(env[name] ?? 0);
  if (counted !== null && first === 0) draft.addEnv({ [name]: '{slot}' });
  else if (Number.isInteger(first) && first >= 1 && first + instances - 1 <= PORT_MAX) {
    draft.set('ports', { base: first }, `Slot i listens at ${first} + i; put a proxy in front of them.`);
    draft.addEnv({ [name]: '{port}' });
  } else {
    const directive = app.directive(counted === null ? 'env' : 'increment_var');
    draft.lack(
      directive,
      `${name} is no port, and nothing else is counted from a number; {slot} counts from 0`,
    );
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}
