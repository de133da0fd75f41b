import { createHash } from 'node:crypto';
import { CodedError } from '../../core/errors.ts';
import { hexBytes } from '../../core/hex.ts';
import { MAX_ONE_BLOCK_BYTES, sha256OneBlock } from './sha256.ts';
import { UserLanes } from './userlanes.ts';

/**
 * A user as the rest of the system knows it: 8 bytes of SHA-256(salt ‖ SHA-256(lower-cased id)), as two unsigned 32-bit
 * halves; both 0 means no user. The inner hash is the form in which advertisers upload audiences, so that an upload and
 * a bid request meet without either raw id.
 */
export interface UserHasher {
  /**
   * Hashes a raw id as an exchange sends it. Surrounding spaces do not count, nor does upper or lower case.
   * @param out receives the two halves; no object is made on the bid path
   * @returns false for an id that names nobody: empty, or only zeros and dashes (a reset advertising id)
   */
  hashId(id: string, out: Uint32Array): boolean;
  /** Where an id of at most MAX_ONE_BLOCK_BYTES bytes of ASCII may be put, for `hashBlock`. */
  readonly block: Uint8Array;
  /** The same as `hashId` for the first `length` bytes of `block`, without making a text; `block` is overwritten. */
  hashBlock(length: number, out: Uint32Array): boolean;
  /** The same user from the 32 bytes of an uploaded SHA-256 digest at `offset`. */
  hashDigest(digest: Uint8Array, offset: number, out: Uint32Array): void;
  /** The same as `block`, for ids that are hashed together: that costs a third. */
  readonly lanes: readonly Uint8Array[];
  /** The first `length` bytes of a lane are an id. @returns false when it names nobody */
  keepLane(lane: number, length: number): boolean;
  /** Hashes the first `count` lanes; all of them hold ids. */
  hashLanes(count: number): void;
  /** What `hashLanes` made of one: that user is then the one that was hashed last. */
  readLane(lane: number, out: Uint32Array): void;
  /** The digest of the id that was hashed last, 32 bytes, for `recall`. Does nothing while there is no salt before. */
  note(into: Uint8Array): void;
  /** Makes the user with this digest the one that was hashed last. */
  recall(noted: Uint8Array): void;
  /** The user that was hashed last, as the salt before knew them. @returns false, and zeros, without such a salt */
  hashBefore(out: Uint32Array): boolean;
  /** Goes on with another salt; what was stored under the one before is still found by `hashBefore`. */
  setSalts(salts: UserSalts): void;
}

/** The salt that names users now, and the one before it while what it named still counts. */
export interface UserSalts {
  readonly current: string;
  readonly before: string | null;
}

const SALT_BYTES = 16;

function bytesOf(salt: string): Buffer {
  if (Buffer.byteLength(salt) < 16) {
    throw new CodedError(
      'salt_too_short',
      'The user salt is shorter than 16 bytes.',
      'Set a random salt of 32 characters.',
    );
  }
  return createHash('sha256').update(salt).digest().subarray(0, SALT_BYTES);
}

/** @throws CodedError `salt_too_short` */
export function createUserHasher(salt: string | UserSalts): UserHasher {
  const idBlock = Buffer.alloc(64);
  const saltedBlock = Buffer.alloc(64);
  const blockBefore = Buffer.alloc(64);
  const inner = new Int32Array(8);
  const outer = new Int32Array(8);
  const lanes = new UserLanes();
  let hasBefore = false;

  const setSalts = ({ current, before }: UserSalts): void => {
    bytesOf(current).copy(saltedBlock);
    lanes.setSalt(saltedBlock.subarray(0, SALT_BYTES));
    hasBefore = before !== null;
    if (before !== null) bytesOf(before).copy(blockBefore);
  };
  setSalts(typeof salt === 'string' ? { current: salt, before: null } : salt);

  const finish = (out: Uint32Array, salted = saltedBlock): void => {
    sha256OneBlock(salted, SALT_BYTES + 32, outer);
    out[0] = outer[0]!;
    out[1] = outer[1]!;
    never0(out);
  };
  const writeInner = (i: number, word: number): void => {
    const at = SALT_BYTES + 4 * i;
    saltedBlock[at] = word >>> 24;
    saltedBlock[at + 1] = word >>> 16;
    saltedBlock[at + 2] = word >>> 8;
    saltedBlock[at + 3] = word;
  };
  const hashNormal = (length: number, out: Uint32Array): void => {
    sha256OneBlock(idBlock, length, inner);
    for (let i = 0; i < 8; i++) writeInner(i, inner[i]!);
    finish(out);
  };
  const hashDigest = (digest: Uint8Array, offset: number, out: Uint32Array): void => {
    for (let i = 0; i < 32; i++) saltedBlock[SALT_BYTES + i] = digest[offset + i]!;
    finish(out);
  };
  return {
    hashDigest,
    setSalts,
    lanes: lanes.blocks,
    keepLane(lane, length) {
      const normal = normalise(lanes.blocks[lane]!, length);
      lanes.setLength(lane, normal);
      return normal > 0;
    },
    hashLanes: (count) => lanes.hash(count),
    readLane(lane, out) {
      out[0] = lanes.word(lane, 0);
      out[1] = lanes.word(lane, 1);
      never0(out);
      if (hasBefore) for (let i = 0; i < 8; i++) writeInner(i, lanes.innerWord(lane, i));
    },
    note(into) {
      if (hasBefore) saltedBlock.copy(into, 0, SALT_BYTES, SALT_BYTES + 32);
    },
    recall(noted) {
      if (hasBefore) saltedBlock.set(noted, SALT_BYTES);
    },
    hashBefore(out) {
      out[0] = 0;
      out[1] = 0;
      if (!hasBefore) return false;
      saltedBlock.copy(blockBefore, SALT_BYTES, SALT_BYTES, SALT_BYTES + 32);
      finish(out, blockBefore);
      return true;
    },
    hashId(id, out) {
      out[0] = 0;
      out[1] = 0;
      const normal = id.trim().toLowerCase();
      if (normal === '' || /^[0-]+$/.test(normal)) return false;
      // A UTF-16 unit is at most 3 bytes of UTF-8: the block holds what is short enough, node:crypto takes the rest.
      if (normal.length * 3 > MAX_ONE_BLOCK_BYTES && !(normal.length <= MAX_ONE_BLOCK_BYTES && isAscii(normal))) {
        hashDigest(createHash('sha256').update(normal).digest(), 0, out);
        return true;
      }
      hashNormal(idBlock.write(normal, 0, 'utf8'), out);
      return true;
    },
    block: idBlock,
    hashBlock(length, out) {
      out[0] = 0;
      out[1] = 0;
      const normal = normalise(idBlock, length);
      if (normal === 0) return false;
      hashNormal(normal, out);
      return true;
    },
  };
}

/** Both halves 0 would mean nobody. */
function never0(user: Uint32Array): void {
  if (user[0] === 0 && user[1] === 0) user[1] = 1;
}

/** Trims spaces and lowers letters in place. @returns the length then, 0 when only zeros and dashes are left */
function normalise(bytes: Uint8Array, length: number): number {
  let end = length;
  while (end > 0 && isSpace(bytes[end - 1]!)) end--;
  let from = 0;
  while (from < end && isSpace(bytes[from]!)) from++;
  let names = false;
  for (let i = from; i < end; i++) {
    const byte = bytes[i]!;
    bytes[i - from] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (byte !== 0x30 && byte !== 0x2d) names = true;
  }
  return names ? end - from : 0;
}

/** What `trim` takes off of ASCII. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** The 16 hex digits that tokens and exports carry. */
export function userHex(hi: number, lo: number): string {
  return eightDigits(hi) + eightDigits(lo);
}

function eightDigits(word: number): string {
  return (
    hexBytes[word >>> 24]! + hexBytes[(word >>> 16) & 255]! + hexBytes[(word >>> 8) & 255]! + hexBytes[word & 255]!
  );
}

/** Reads 16 hex digits. @returns false, and zeros, when it is anything else */
export function readUserHex(hex: string, out: Uint32Array): boolean {
  const fits = /^[0-9a-f]{16}$/.test(hex);
  out[0] = fits ? Number.parseInt(hex.slice(0, 8), 16) : 0;
  out[1] = fits ? Number.parseInt(hex.slice(8), 16) : 0;
  return fits;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}
