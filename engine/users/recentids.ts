/**
 * Remembers which ids were seen lately, in fixed memory and two generations: at least the last `capacity` ids are known,
 * at most twice as many. An id is two 32-bit words.
 */
export interface RecentIds {
  /** @returns true when it was not yet known */
  add(a: number, b: number): boolean;
}

export function createRecentIds(capacity: number): RecentIds {
  const slots = 2 ** Math.ceil(Math.log2(capacity * 2));
  let young = new Int32Array(slots * 2);
  let old = new Int32Array(slots * 2);
  let size = 0;
  /** @returns the slot of the id, or -1 - the free slot where it would go */
  const find = (table: Int32Array, a: number, b: number): number => {
    for (let slot = Math.imul(a ^ b, 0x9e3779b1) >>> 0; ; slot++) {
      const at = (slot & (slots - 1)) * 2;
      if (table[at] === a && table[at + 1] === b) return at;
      if (table[at] === 0 && table[at + 1] === 0) return -1 - at;
    }
  };
  return {
    add(first, second) {
      const a = first | 0;
      const b = (first | second) === 0 ? 1 : second | 0;
      const place = find(young, a, b);
      if (place >= 0 || find(old, a, b) >= 0) return false;
      if (size === capacity) {
        [young, old] = [old.fill(0), young];
        size = 0;
        return this.add(a, b);
      }
      young[-1 - place] = a;
      young[-place] = b;
      size++;
      return true;
    },
  };
}

/** The two words that tell one bid id from another: everything of it takes part. */
export function bidIdWords(bidId: string, out: Int32Array): void {
  const node = Number.parseInt(bidId.slice(0, 8), 16) | 0;
  out[0] = (Number.parseInt(bidId.slice(8, 16), 16) | 0) ^ Math.imul(node, 0x9e3779b1);
  out[1] = (Number.parseInt(bidId.slice(16, 24), 16) | 0) ^ Math.imul(node, 0x85ebca77);
}
