/** As the field table has it: 1 to 31 lower-case letters, digits and hyphens, beginning with a letter. */
const LENGTH_MAX = 31;

/**
 * Makes a name that is valid for a fleet and that no other has, as near as possible to the wanted one.
 * @param taken names of other fleets; the result is added
 */
export function fleetName(wanted: string, taken: Set<string>): string {
  const base = valid(wanted);
  let name = base;
  for (let count = 2; taken.has(name); count++) {
    const ending = `-${count}`;
    name = base.slice(0, LENGTH_MAX - ending.length).replace(/-+$/, '') + ending;
  }
  taken.add(name);
  return name;
}

function valid(wanted: string): string {
  const plain = wanted
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  const name = /^[a-z]/.test(plain) ? plain : `fleet-${plain}`;
  return name.slice(0, LENGTH_MAX).replace(/-+$/, '');
}
