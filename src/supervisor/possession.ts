/** A state directory as the file system has it. */
export interface StatePlace {
  /** Without links, dots and doubled slashes. */
  path: string;
  device: number;
  inode: number;
  /** What boot of the host this is; inodes of directories outlive it, numbers of devices need not. */
  bootId: string;
}

/** Who a state directory is: kept in it, so that no spelling of its path makes it another one. */
export interface StateIdentity extends StatePlace {
  /** Names the cgroup tree of its agents. */
  id: string;
}

/** What else the decision needs to know. */
export interface PossessionFacts {
  /** The directory that the identity was written for is still where it was. */
  isOriginalThere: boolean;
  /** Agents live in the tree that the identity names. */
  isTreePopulated: boolean;
  /** A tree of agents that stand in this directory, where no identity tells of one. */
  foundTree: string | null;
  /** A random id. */
  newId: string;
}

/** The directory is this supervisor's, under this identity; or it is not, for a reason. */
export type Possession =
  | { identity: StateIdentity; event: string | null }
  | { refusal: string; hint: string };

/**
 * Decides whether a directory is the one that its identity was written for. It is, if device and inode are the same,
 * whatever its path is by now. Across boots the inode alone decides, as numbers of devices may change; what was restored
 * then gets an id of its own, since no agent of before lives. A copy within one boot would find the agents of its
 * original, and start or end them: it is refused.
 * @param known the identity found in the directory; null where there is none that can be read
 */
export function decidePossession(
  known: StateIdentity | null,
  here: StatePlace,
  { isOriginalThere, isTreePopulated, foundTree, newId }: PossessionFacts,
): Possession {
  if (known === null) {
    const event =
      foundTree && `agents of this state directory run in the cgroup tree ${foundTree}: it goes on with them`;
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
      refusal: `${here.path} is a copy of ${known.path}, which is still there: both would have the same agents`,
      hint: `Use ${known.path}, or start this one after ${known.path} was removed, or on another host.`,
    };
  }
  if (isTreePopulated) {
    return {
      refusal: `${here.path} has the state of ${known.path}, whose agents still run, and is another directory`,
      hint: `Put it back as ${known.path} by a move within one file system, or end these agents first.`,
    };
  }
  return { identity: { ...here, id: newId }, event: moved(known, here) };
}

function moved(from: StatePlace, to: StatePlace): string {
  return from.path === to.path
    ? `the state directory was restored: ${to.path} is another directory than before`
    : `the state directory was moved or restored from ${from.path} to ${to.path}`;
}
