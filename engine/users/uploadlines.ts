import type { AudienceLineFault } from '../../core/audience.ts';
import type { UserHasher } from '../privacy/userhash.ts';

/** Longest line of an upload that is looked at, bytes; only the first column counts. */
const MAX_LINE_BYTES = 4096;

/** What one line turned out to be. */
export type LineOutcome = 'user' | 'empty' | AudienceLineFault;

export interface UploadLines {
  /** Feeds bytes as they arrive; lines may be cut anywhere. */
  push(chunk: Uint8Array): void;
  /** The stream ended: a last line without a line end counts. */
  end(): void;
}

/**
 * Splits an upload into lines without building strings and turns each into a user.
 * @param onLine called for every line in order, numbered from 1; `user` holds the two halves when the outcome is `user`
 *   and is reused for the next line; `before` is the same user as the salt before named them, null without one
 */
export function createUploadLines(
  hasher: UserHasher,
  onLine: (line: number, outcome: LineOutcome, user: Uint32Array, before: Uint32Array | null) => void,
): UploadLines {
  const carry = new Uint8Array(MAX_LINE_BYTES);
  const user = new Uint32Array(2);
  const before = new Uint32Array(2);
  let carried = 0;
  let tooLong = false;
  let line = 0;

  const finish = (bytes: Uint8Array, start: number, end: number): void => {
    line++;
    const long = tooLong || end - start > MAX_LINE_BYTES;
    const outcome = long ? 'line_too_long' : readLine(bytes, start, end, line, hasher, user);
    const digested = outcome === 'digest';
    onLine(line, digested ? 'user' : outcome, user, digested && hasher.hashBefore(before) ? before : null);
    carried = 0;
    tooLong = false;
  };
  const keep = (chunk: Uint8Array, start: number, end: number): void => {
    if (carried + end - start > MAX_LINE_BYTES) {
      tooLong = true;
      return;
    }
    carry.set(chunk.subarray(start, end), carried);
    carried += end - start;
  };
  return {
    push(chunk) {
      let start = 0;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, start)) {
        if (carried === 0 && !tooLong) finish(chunk, start, at);
        else {
          keep(chunk, start, at);
          finish(carry, 0, carried);
        }
        start = at + 1;
      }
      if (start < chunk.length) keep(chunk, start, chunk.length);
    },
    end() {
      if (carried > 0 || tooLong) finish(carry, 0, carried);
    },
  };
}

const digest = new Uint8Array(32);

function readLine(
  bytes: Uint8Array,
  lineStart: number,
  lineEnd: number,
  line: number,
  hasher: UserHasher,
  user: Uint32Array,
): LineOutcome | 'digest' {
  let start = lineStart;
  // A byte order mark may stand before the first line.
  if (line === 1 && bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf) start += 3;
  let end = start;
  while (end < lineEnd && !isSeparator(bytes[end]!)) end++;
  while (start < end && isPadding(bytes[start]!)) start++;
  while (end > start && isPadding(bytes[end - 1]!)) end--;
  const length = end - start;
  if (length === 0) return isBlank(bytes, lineStart, lineEnd) ? 'empty' : 'not_a_hash';
  if (bytes[start] === 0x23) return 'empty';
  if (length !== 64 && length !== 16) return line === 1 && isHeader(bytes, start, end) ? 'empty' : 'not_a_hash';
  for (let i = 0, at = start; at < end; i++, at += 2) {
    const high = hexDigit(bytes[at]!);
    const low = hexDigit(bytes[at + 1]!);
    if (high < 0 || low < 0) return line === 1 && isHeader(bytes, start, end) ? 'empty' : 'not_a_hash';
    digest[i] = (high << 4) | low;
  }
  if (length === 64) {
    hasher.hashDigest(digest, 0, user);
    return 'digest';
  }
  user[0] = wordAt(0);
  user[1] = wordAt(4);
  return 'user';
}

function wordAt(at: number): number {
  return ((digest[at]! << 24) | (digest[at + 1]! << 16) | (digest[at + 2]! << 8) | digest[at + 3]!) >>> 0;
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Comma, semicolon, tab: the columns after the first are the uploader's own. */
function isSeparator(byte: number): boolean {
  return byte === 44 || byte === 59 || byte === 9;
}

/** Space, quotes, carriage return. */
function isPadding(byte: number): boolean {
  return byte === 32 || byte === 34 || byte === 39 || byte === 13;
}

function isBlank(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (!isPadding(bytes[at]!) && bytes[at]! < 128) return false;
  return true;
}

/** A column name such as `user_id` or `sha256`: starts with a letter and is no longer than a name. */
function isHeader(bytes: Uint8Array, start: number, end: number): boolean {
  const first = bytes[start]! | 32;
  if (first < 97 || first > 122 || end - start > 40) return false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    const lower = byte | 32;
    const named = (lower >= 97 && lower <= 122) || (byte >= 48 && byte <= 57) || [32, 45, 46, 95].includes(byte);
    if (!named) return false;
  }
  return true;
}
