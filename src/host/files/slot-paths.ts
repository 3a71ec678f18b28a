import { lchownSync, lstatSync, mkdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import { findListener } from '../net/unix.ts';
import { readCommand } from '../proc/pid.ts';
import { isGone } from '../proc/read.ts';
import { kindOf } from '../sys/bounded.ts';
import { runCommand } from '../sys/system-command.ts';
import { makeChild } from './files.ts';

/** Who an agent's files belong to; null: whoever the supervisor is. */
export type Owner = { uid: number; gid: number } | null;

const CHOWN = '/usr/bin/chown';

/** The places of one slot. */
export interface SlotPaths {
  dir: string;
  socket: string;
  log: string | null;
}

/**
 * Makes a slot's directories and removes a socket that an earlier agent left. Their parents belong to the supervisor,
 * so no agent can put a link where these are to be; what is found in their place and is no directory of the slot's user
 * (handOver() makes it that) is refused.
 * @throws FleetError where something is in the way
 */
export function readySlot({ dir, socket, log }: SlotPaths, owner: Owner): void {
  makeOwned(dir, owner, 0o700);
  makeOwned(dirname(socket), owner, 0o755);
  if (log !== null) mkdirSync(dirname(log), { recursive: true, mode: 0o700 });
  removeStaleSocket(socket, owner);
}

function makeOwned(path: string, owner: Owner, mode: number): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found) {
    if (!found.isDirectory()) throw inTheWay(path, `a ${kindOf(found)}`);
    if (found.uid !== idsOf(owner).uid) throw inTheWay(path, `it belongs to uid ${found.uid}`);
    return;
  }
  makeChild(path, mode);
  if (owner) lchownSync(path, owner.uid, owner.gid);
}

/**
 * Gives a slot's directories, and what is in them, to its new user. That takes as long as an agent has left files, so
 * it is done beside the loop, before the start. chown(1) changes a directory after what is in it: one that was
 * interrupted is begun again, as the directory itself still is the old user's. Only files of that one change hands
 * (--from), so a hard link to somebody else's file gains nothing, and links are not followed (-h, -P).
 * @returns null where they are its user's already
 * @throws (by the promise) Error with what chown said
 */
export function handOver({ dir, socket }: SlotPaths, owner: Owner): Promise<void> | null {
  const { uid, gid } = idsOf(owner);
  const orders = [dir, dirname(socket)].flatMap((path) => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found?.isDirectory() || found.uid === uid) return [];
    return [['-R', '-h', '-P', `--from=${found.uid}`, `${uid}:${gid}`, '--', path]];
  });
  if (orders.length === 0) return null;
  return (async () => {
    for (const order of orders) await runCommand(CHOWN, order);
  })();
}

function idsOf(owner: Owner): { uid: number; gid: number } {
  return owner ?? { uid: process.getuid!(), gid: process.getgid!() };
}

/** Removes a socket that nobody listens on any more, if it is a socket and the agent's own. */
function removeStaleSocket(path: string, owner: Owner): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw inTheWay(path, `a ${kindOf(found)}`);
  if (found.uid !== (owner?.uid ?? process.getuid!()) && found.uid !== process.getuid!()) {
    throw inTheWay(path, `a socket of uid ${found.uid}`);
  }
  const listener = findListener(path);
  if (listener.ok) throw inTheWay(path, `served by pid ${listener.value} (${readCommand(listener.value)})`);
  // Only a refusal says that nobody has it: a full queue (EAGAIN) or another type (EPROTOTYPE) is somebody's.
  const { code } = listener.error;
  if (code !== 'ECONNREFUSED') throw inTheWay(path, `in use (${code})`);
  unlinkSync(path);
}

/** Removes what vacated slots have in the runtime directory; their state directories stay. */
export function clearSlots(slots: readonly SlotPaths[]): void {
  for (const { socket } of slots) {
    if (lstatSync(socket, { throwIfNoEntry: false })) removeUnlessUsed(unlinkSync, socket);
    removeUnlessUsed(rmdirSync, dirname(socket));
  }
  for (const fleet of new Set(slots.map(({ socket }) => dirname(dirname(socket)))))
    removeUnlessUsed(rmdirSync, fleet);
}

/** What other slots have beside it, or what the agent left there, stays. */
function removeUnlessUsed(remove: (path: string) => void, path: string): void {
  try {
    remove(path);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!isGone(error) && !['ENOTEMPTY', 'EISDIR', 'EBUSY'].includes(code)) throw error;
  }
}

function inTheWay(path: string, what: string): FleetError {
  return FleetError.of('STATE_UNUSABLE.inTheWay', { path, what });
}
