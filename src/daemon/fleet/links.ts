import { resolve } from 'node:path';
import { releaseOf } from '../../fleet/slot-records.ts';
import type { FleetContext } from './context.ts';

/** Where the symbolic links in the paths of releases lead now, each looked at once. */
export class Links {
  readonly #context: FleetContext;
  readonly #moved = new Map<string, string | null>();

  constructor(context: FleetContext) {
    this.#context = context;
  }

  /** Which link of a release leads elsewhere than when it was made, in words; null if none does. */
  movedOf(id: string): string | null {
    const known = this.#moved.get(id);
    if (known !== undefined) return known;
    const moved = this.#look(id);
    this.#moved.set(id, moved);
    return moved;
  }

  #look(id: string): string | null {
    const { fleet, services } = this.#context;
    const { path, links = {} } = releaseOf(fleet, id);
    const paths: Record<string, string> = {
      command: path,
      cwd: resolve(fleet.baseDirOf(id), fleet.specOf(id).cwd),
    };
    for (const [key, target] of Object.entries(links)) {
      const now = services.host.files.realPath(paths[key]!);
      if (now !== null && now !== target) return `${key} leads to ${now} now`;
    }
    return null;
  }
}
