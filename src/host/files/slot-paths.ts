import { lchownSync, lstatSync, mkdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { FleetError } from '../../errors/fleet-error.ts';
import { findListener } from '../net/unix.ts';
import { readCommand } from '../proc/pid.ts';
import { isGone } from '../proc/read.ts';
import { kindOf } from '../sys/bounded.ts';
import { runCommand } from '../sys/system-command.ts';
import { makeChild } from './files.ts';

/** The owner of an agent's files; null: the supervisor's user. */
export type Owner = { uid: number; gid: number } | null;

const CHOWN = '/usr/bin/chown';

/** The paths of one slot. */
export interface SlotPaths {
  dir: string;
  socket: string;
  log: string | null;
}

/**
 * Makes a slot's directories and removes a socket that an earlier agent left. Their parents belong to the supervisor, so
 * no agent can put a link in their place; anything there that is not a directory of the slot's user (which handOver()
 * ensures) is refused.
 * @throws FleetError if something is in the way
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
 * Hands a slot's directories with their content to its new user. The time follows the number of files, so it is done next
 * to the loop, before the start. chown(1) changes a directory after its content, so an interrupted change is started
 * again, because the directory itself still belongs to the old user. Only that user's files change hands (--from), so a
 * hard link to a foreign file gains nothing, and links are not followed (-h, -P).
 * @returns null if they already belong to its user
 * @throws (by the promise) Error with chown's message
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

/** The supervisor's own, which it never changes; each start needs them four times. */
const OWN_IDS = { uid: process.getuid!(), gid: process.getgid!() };

function idsOf(owner: Owner): { uid: number; gid: number } {
  return owner ?? OWN_IDS;
}

/** Removes a socket that is no longer listened on, if it is a socket and the agent's own. */
function removeStaleSocket(path: string, owner: Owner): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw inTheWay(path, `a ${kindOf(found)}`);
  if (found.uid !== idsOf(owner).uid && found.uid !== OWN_IDS.uid) {
    throw inTheWay(path, `a socket of uid ${found.uid}`);
  }
  const listener = findListener(path);
  if (listener.ok) throw inTheWay(path, `served by pid ${listener.value} (${readCommand(listener.value)})`);
  // Only a refusal shows that nothing listens: a full queue (EAGAIN) or another type (EPROTOTYPE) means that something does.
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

/** Keeps what other slots have next to it, or what the agent left there. */
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
