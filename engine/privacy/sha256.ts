import { newSha256State, sha256Block } from '../../core/sha256.ts';

/** Longest message that fits one block with its padding (FIPS 180-4, 5.1.1). */
export const MAX_ONE_BLOCK_BYTES = 55;

const initial = newSha256State();

/**
 * Digest of `message[0, length)` without allocating; longer messages belong to node:crypto.
 * @param message at least 64 bytes long: what follows `length` is overwritten with the padding
 * @param length at most 55 bytes
 * @param digest receives the eight 32-bit words of the digest
 */
export function sha256OneBlock(message: Uint8Array, length: number, digest: Int32Array): void {
  message[length] = 0x80;
  for (let i = length + 1; i < 62; i++) message[i] = 0;
  message[62] = (length * 8) >>> 8;
  message[63] = (length * 8) & 0xff;
  digest.set(initial);
  sha256Block(digest, message, 0);
}
