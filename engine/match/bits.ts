/** Bits of a set of slots, 32 to a word, that grow together with the index they belong to. */
export function hasBit(words: Uint32Array, slot: number): boolean {
  return (words[slot >>> 5]! & (1 << (slot & 31))) !== 0;
}

export function setBit(words: Uint32Array, slot: number): void {
  words[slot >>> 5] = words[slot >>> 5]! | (1 << (slot & 31));
}

export function clearBit(words: Uint32Array, slot: number): void {
  words[slot >>> 5] = words[slot >>> 5]! & ~(1 << (slot & 31));
}

/** The same bits in a larger (or equal) number of words. */
export function grown(words: Uint32Array, size: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(size);
  larger.set(words);
  return larger;
}
