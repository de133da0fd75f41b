/** Longest base64url text that is read, characters: twice what the largest consent strings in use have. */
const MAX_BASE64_CHARS = 16_384;

const SEXTET = new Int8Array(128).fill(-1);
for (const [value, letter] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].entries()) {
  SEXTET[letter.charCodeAt(0)] = value;
}

/**
 * Reads bit fields of base64url text. One instance serves a thread; loading a text forgets the one before. Reading past
 * the end sets `overrun` and gives zeros, so that a parser can check once at its end.
 */
export interface BitReader {
  /** Loads `text[start, end)`. @returns false when it is empty, too long or not base64url */
  load(text: string, start: number, end: number): boolean;
  /** How many bits are there, padding included. */
  readonly length: number;
  /** Whether a read went past the end since the last `load`. */
  readonly overrun: boolean;
  /** The unsigned integer of `count` bits (at most 24), most significant first, from bit `at`. */
  read(at: number, count: number): number;
}

export function createBitReader(): BitReader {
  const sextets = new Uint8Array(MAX_BASE64_CHARS);
  let length = 0;
  let overrun = false;
  return {
    get length() {
      return length;
    },
    get overrun() {
      return overrun;
    },
    load(text, start, end) {
      length = 0;
      overrun = false;
      if (end <= start || end - start > MAX_BASE64_CHARS) return false;
      for (let i = start; i < end; i++) {
        const code = text.charCodeAt(i);
        const sextet = code < 128 ? SEXTET[code]! : -1;
        if (sextet < 0) return false;
        sextets[i - start] = sextet;
      }
      length = (end - start) * 6;
      return true;
    },
    read(at, count) {
      if (at < 0 || at + count > length) {
        overrun = true;
        return 0;
      }
      let value = 0;
      let from = at;
      const end = at + count;
      while (from < end) {
        const inside = from % 6;
        const take = Math.min(6 - inside, end - from);
        const part = (sextets[(from - inside) / 6]! >> (6 - inside - take)) & ((1 << take) - 1);
        value = (value << take) | part;
        from += take;
      }
      return value;
    },
  };
}
