/** A state directory in the file system. */
export interface StatePlace {
  /** Without links, dots and double slashes. */
  path: string;
  device: number;
  inode: number;
  /** Identifies the boot of the host; inodes of directories outlive a boot, device numbers may not. */
  bootId: string;
}

/** The identity of a state directory. It is kept in the directory, so that it does not depend on the path. */
export interface StateIdentity extends StatePlace {
  /** Names the cgroup tree of its agents. */
  id: string;
}

/** Other facts for the decision. */
export interface PossessionFacts {
  /** Whether the directory that the identity was written for still exists at its path. */
  isOriginalThere: boolean;
  /** Whether agents run in the tree that the identity names. */
  isTreePopulated: boolean;
  /** The tree of agents that use this directory, found without an identity. */
  foundTree: string | null;
  /** A random id. */
  newId: string;
}

/** The supervisor may use the directory, under this identity; or it may not, for a reason. */
export type Possession =
  | { identity: StateIdentity; event: string | null }
  | { refusal: string; hint: string };

/**
 * Decides whether a directory is the one that its identity was written for. It is if device and inode are the same,
 * whatever its path is now. Across boots the inode alone decides, because device numbers may change; a restored directory
 * then gets an id of its own, because no earlier agent still runs. A copy within one boot would find the agents of its
 * original, and start or end them, so it is refused.
 * @param known the identity found in the directory; null if none can be read
 */
export function decidePossession(
  known: StateIdentity | null,
  here: StatePlace,
  { isOriginalThere, isTreePopulated, foundTree, newId }: PossessionFacts,
): Possession {
  if (known === null) {
    const event =
      foundTree && `agents of this state directory run in the cgroup tree ${foundTree}, which remains in use`;
    return { identity: { ...here, id: foundTree ?? newId }, event };
  }
  const isOtherBoot = known.bootId !== here.bootId;
  if (known.inode === here.inode && (isOtherBoot || known.device === here.device)) {
    return {
      identity: { ...here, id: known.id },
      event: known.path === here.path ? null : moved(known, here),
    };
  }
  if (isOtherBoot) return { identity: { ...here, id: newId }, event: moved(known, here) };
  if (isOriginalThere) {
    return {
      refusal: `${here.path} is a copy of ${known.path}, which still exists: both would manage the same agents`,
      hint: `Use ${known.path}; or use the copy after ${known.path} has been removed, or on another host.`,
    };
  }
  if (isTreePopulated) {
    return {
      refusal: `${here.path} holds the state of ${known.path}, whose agents still run, but is a different directory`,
      hint: `Move it back to ${known.path} within one file system, or stop these agents first.`,
    };
  }
  return { identity: { ...here, id: newId }, event: moved(known, here) };
}

function moved(from: StatePlace, to: StatePlace): string {
  return from.path === to.path
    ? `the state directory was restored: ${to.path} is not the same directory as before`
    : `the state directory was moved or restored from ${from.path} to ${to.path}`;
}
