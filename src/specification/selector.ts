import { FleetError } from '../errors/fleet-error.ts';
import { isLabelKey, isLabelValue } from './groups/labels.ts';

/** A condition on labels. */
export interface Selector {
  key: string;
  /** `exists`: the key is there, whatever its value. A label that is not there differs from any value. */
  is: 'equal' | 'different' | 'exists';
  value: string;
}

/** Parses `team=edge`, `team!=edge` or `team`, or several of them with commas between. @throws FleetError USAGE */
export function parseSelectors(text: string): Selector[] {
  return text.split(',').map(parseSelector);
}

/** Tells whether labels meet all conditions. */
export function selects(selectors: readonly Selector[], labels: Readonly<Record<string, string>>): boolean {
  return selectors.every(({ key, is, value }) => {
    const found = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (is === 'exists') return found !== undefined;
    return (found === value) === (is === 'equal');
  });
}

function parseSelector(text: string): Selector {
  const [, key = '', operator, value = ''] = /^([^=!]*)(?:(!=|=)(.*))?$/.exec(text) ?? [];
  if (!isLabelKey(key) || !isLabelValue(value)) {
    throw FleetError.of('USAGE.value', {
      what: '--selector',
      expected: 'KEY=VALUE, KEY!=VALUE or KEY, as labels are written',
      found: text.slice(0, 140),
    });
  }
  if (operator === undefined) return { key, is: 'exists', value };
  return { key, is: operator === '=' ? 'equal' : 'different', value };
}
