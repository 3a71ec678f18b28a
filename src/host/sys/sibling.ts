/**
 * The module beside another one, which a thread or a process is to run: TypeScript as it lies here, JavaScript once built.
 * @param from import.meta.url of the other one
 * @param name without its ending
 */
export function siblingOf(from: string, name: string): URL {
  return new URL(`./${name}${from.slice(from.lastIndexOf('.'))}`, from);
}
