import { readSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { bytesOf } from '../proc/address.ts';
import { PORTS, PortTable } from '../proc/port-table.ts';
import { check, libc } from '../sys/libc.ts';
import {
  AF,
  ANSWER,
  addressAt,
  HEADER,
  isIpv6OnlyAt,
  NLMSG,
  SOCK_DIAG_BY_FAMILY,
  withSocket,
} from './sock-diag-socket.ts';

/** struct inet_diag_req_v2: family, protocol, states, and struct inet_diag_sockid from byte 8. */
const REQUEST = {
  bytes: HEADER + 56,
  localPort: HEADER + 8,
  remotePort: HEADER + 10,
  local: HEADER + 12,
  remote: HEADER + 28,
};
const COOKIE = HEADER + 48;
const NO_COOKIE = 0xffff_ffff;
const NLM_F_REQUEST = 1;
const IPPROTO_TCP = 6;
const ENOENT = 2;
/** As many remote ends are made up for the address that matters (loopback, if none is named), and for every other. */
const TRIES = { main: 16, other: 2 };
/** 192.0.2.0/24 and 2001:db8::/32 are for documentation (RFC 5737, RFC 3849): no connection comes from there. */
const REMOTE = [192, 0, 2, 1] as const;
const REMOTE_V6 = [0x20, 0x01, 0x0d, 0xb8] as const;
/** Of the same blocks: no socket is bound to them, so that only one that is bound to any address gets what is sent there. */
const NOBODYS = ['192.0.2.2', '2001:db8::2'] as const;
/** On a host with more addresses, a walk through all listeners is cheaper. */
const ADDRESSES_MAX = 8;
const ADDRESSES_MS = 10_000;
const ANSWERS = Buffer.alloc(4096);

/** An address to ask about. */
interface Address {
  family: number;
  bytes: readonly number[];
  tries: number;
}

/**
 * Finds who gets a connection to a port: at 127.0.0.1, ::1 and every other address of this host, from several remote
 * ends, because the kernel shares connections out among listeners by a hash of both ends (SO_REUSEPORT). The remote ends
 * are others every time: one of two that share a port is missed once in 32,768 times. Unlike a walk through all listeners
 * (readPortRange), this takes the same time however many there are. It does not find who listens at another address of
 * loopback (127.0.0.5), so that only a walk can tell that a port is not open, or not the agent's.
 * @param at the one address that matters, in canonical form: then it finds who gets connections there, and who is bound
 *   to any address; null: every address of this host
 * @returns null if this host cannot tell, or has too many addresses
 */
export function lookUpListeners(port: number, at: string | null = null): PortTable | null {
  const questions = at === null ? questionsEverywhere() : questionsAt(addressesFor(at));
  if (questions === null) return null;
  choosePorts(questions, port);
  return withSocket((socket) => {
    check('write to netlink', Number(libc.write(socket, questions, questions.length)));
    return readAnswers(socket, questions.length / REQUEST.bytes, port);
  });
}

/** Reads an answer to each question. @returns null if the first is neither a socket nor that there is none */
function readAnswers(socket: number, count: number, port: number): PortTable | null {
  const ports = new PortTable();
  const seen = new Set<number>();
  let isKnown = true;
  for (let answers = 0; answers < count; ) {
    const length = readSync(socket, ANSWERS, 0, ANSWERS.length, null);
    for (let at = 0; at < length; at += (ANSWERS.readUInt32LE(at) + 3) & ~3) {
      answers++;
      const type = ANSWERS.readUInt16LE(at + 4);
      if (type === NLMSG.error && answers === 1) isKnown = -ANSWERS.readInt32LE(at + HEADER) === ENOENT;
      if (type !== SOCK_DIAG_BY_FAMILY) continue;
      const inode = ANSWERS.readUInt32LE(at + ANSWER.inode);
      if (!seen.has(inode)) ports.add(port, inode, addressAt(ANSWERS, at), isIpv6OnlyAt(ANSWERS, at));
      seen.add(inode);
    }
  }
  return isKnown ? ports : null;
}

let known: { questions: Buffer | null; at: number } | null = null;

/** The questions at all addresses, loopback first, in one buffer that the next call uses again; null if there are too many. */
function questionsEverywhere(): Buffer | null {
  const now = performance.now();
  if (known === null || now - known.at > ADDRESSES_MS) {
    const addresses = readAddresses();
    known = { questions: addresses && questionsAt(addresses), at: now };
  }
  return known.questions;
}

/** The port that is asked about, and another remote port each. */
function choosePorts(questions: Buffer, port: number): void {
  for (let at = 0; at < questions.length; at += REQUEST.bytes) {
    questions.writeUInt16BE(port, at + REQUEST.localPort);
    questions.writeUInt16BE(1 + Math.floor(Math.random() * (PORTS - 1)), at + REQUEST.remotePort);
  }
}

/** The questions without their ports. */
function questionsAt(addresses: readonly Address[]): Buffer {
  return Buffer.concat(
    addresses.flatMap((address) => new Array<Buffer>(address.tries).fill(questionAt(address))),
  );
}

function questionAt({ family, bytes }: Address): Buffer {
  const buffer = Buffer.alloc(REQUEST.bytes);
  buffer.writeUInt32LE(REQUEST.bytes, 0);
  buffer.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
  buffer.writeUInt16LE(NLM_F_REQUEST, 6);
  buffer.writeUInt8(family, HEADER);
  buffer.writeUInt8(IPPROTO_TCP, HEADER + 1);
  buffer.set(bytes, REQUEST.local);
  buffer.set(family === AF.inet ? REMOTE : REMOTE_V6, REQUEST.remote);
  buffer.writeUInt32LE(NO_COOKIE, COOKIE);
  buffer.writeUInt32LE(NO_COOKIE, COOKIE + 4);
  return buffer;
}

function addressesFor(address: string): Address[] {
  return [addressOf(address, TRIES.main), ...NOBODYS.map((nobodys) => addressOf(nobodys, TRIES.other))];
}

function addressOf(text: string, tries: number): Address {
  return { family: text.includes(':') ? AF.inet6 : AF.inet, bytes: bytesOf(text), tries };
}

function readAddresses(): Address[] | null {
  const others = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => addressOf(address, TRIES.other));
  if (others.length > ADDRESSES_MAX) return null;
  return [addressOf('127.0.0.1', TRIES.main), addressOf('::1', TRIES.other), ...others];
}
