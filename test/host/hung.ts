import { closeSync, mkdirSync, openSync, rmdirSync } from 'node:fs';
import koffi from 'koffi';
import { check } from '../../src/host/sys/libc.ts';

const libc = koffi.load('libc.so.6');
const mount = libc.func(
  'int mount(const char *source, const char *target, const char *type, ulong flags, const char *data)',
);
const umount = libc.func('int umount2(const char *target, int flags)');
const MNT_DETACH = 2;

/**
 * A file system that never answers: FUSE whose server says nothing, as a dead NFS or a tenant's own would. Whoever
 * looks up anything below it hangs, until it is killed or this is disposed of.
 */
export class HungMount {
  readonly path: string;
  readonly #fd: number;

  constructor(path: string) {
    this.path = path;
    mkdirSync(path);
    this.#fd = openSync('/dev/fuse', 'r+');
    check('mount', mount('hung', path, 'fuse', 0, `fd=${this.#fd},rootmode=40000,user_id=0,group_id=0`));
  }

  dispose(): void {
    umount(this.path, MNT_DETACH);
    closeSync(this.#fd);
    rmdirSync(this.path);
  }
}

/** Whether this host lets us mount such a thing. */
export function canHang(): boolean {
  if (process.getuid!() !== 0) return false;
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
    return true;
  } catch {
    return false;
  }
}
