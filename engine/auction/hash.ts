import { rankOf } from '../../core/nearbids.ts';

/** A 32-bit hash of a text (FNV-1a with a final mix, so that near texts fall far apart). */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** The same of the ASCII text in [start, end). */
export function hashAscii(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return mix(hash);
}

/** A 32-bit hash of a hash and a number. */
export function hashWith(hash: number, value: number): number {
  return mix(hash ^ Math.imul(value, 0x9e3779b1));
}

/**
 * What a line item ranks by among those that may bid for an impression.
 * @param seed of the auction and impression
 */
export function rankInAuction(usdPrice: number, seed: number, lineItemId: number): number {
  return rankOf(usdPrice, 1 - hashWith(seed, lineItemId) / 2 ** 32);
}

/** The finalizer of MurmurHash3 (public domain): every input bit changes every output bit with probability one half. */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
