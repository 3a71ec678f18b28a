/**
 * The module next to another one, for a thread or a process to run: TypeScript as it lies here, JavaScript once built.
 * @param from import.meta.url of the other one
 * @param name without its extension
 */
export function siblingOf(from: string, name: string): URL {
  return new URL(`./${name}${from.slice(from.lastIndexOf('.'))}`, from);
}
