/** Bytes that mean something to some parser: NUL, separators, brackets, digits, and no UTF-8. */
const TELLING = Buffer.from('\0\n\r\t :;,.-+()[]{}<>"\'\\/#%09azAZ\u00ff\u0080', 'latin1');
const NUMBERS = [
  '0',
  '-1',
  '4294967295',
  '18446744073709551616',
  '1e309',
  'NaN',
  '00000000',
  '-0',
  '9'.repeat(400),
];
const CHANGES_MAX = 8;
/** Inputs stay small, as the originals are, but for a few that are not. */
const REPEAT_MAX = 64;
const HUGE_REPEAT = 2_000;
const HUGE_SHARE = 0.002;

type Random = () => number;

/** A damaged copy of one of the samples. */
export function mutate(samples: readonly Buffer[], random: Random): Buffer {
  let bytes: Buffer = Buffer.from(pick(samples, random));
  const changes = 1 + Math.floor(random() * CHANGES_MAX);
  for (let i = 0; i < changes; i++) bytes = pick(CHANGES, random)(bytes, random, samples);
  return bytes;
}

type Change = (bytes: Buffer, random: Random, samples: readonly Buffer[]) => Buffer;

const CHANGES: readonly Change[] = [
  function flipBit(bytes, random) {
    const at = below(bytes.length, random);
    if (bytes.length > 0) bytes[at]! ^= 1 << below(8, random);
    return bytes;
  },
  function putByte(bytes, random) {
    return replace(bytes, below(bytes.length + 1, random), 0, Buffer.from([below(256, random)]));
  },
  function putTelling(bytes, random) {
    return replace(
      bytes,
      below(bytes.length + 1, random),
      below(2, random),
      Buffer.from([pick(TELLING, random)]),
    );
  },
  function putNumber(bytes, random) {
    return replace(
      bytes,
      below(bytes.length + 1, random),
      below(6, random),
      Buffer.from(pick(NUMBERS, random)),
    );
  },
  function takeOut(bytes, random) {
    return replace(bytes, below(bytes.length, random), below(16, random), Buffer.alloc(0));
  },
  function repeat(bytes, random) {
    const at = below(bytes.length, random);
    const piece = bytes.subarray(at, at + below(32, random));
    const times = random() < HUGE_SHARE ? HUGE_REPEAT : below(REPEAT_MAX, random);
    return replace(bytes, at, 0, Buffer.concat(Array.from({ length: times }, () => piece)));
  },
  function graft(bytes, random, samples) {
    const other = pick(samples, random);
    const from = below(other.length, random);
    return replace(bytes, below(bytes.length, random), below(bytes.length, random), other.subarray(from));
  },
  function cutShort(bytes, random) {
    return bytes.subarray(0, below(bytes.length + 1, random));
  },
];

function replace(bytes: Buffer, at: number, length: number, by: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + length)]);
}

function below(limit: number, random: Random): number {
  return Math.floor(random() * limit);
}

function pick<T>(choices: ArrayLike<T>, random: Random): T {
  return choices[below(choices.length, random)]!;
}
