/** Every byte as two hex digits. */
export const hexBytes: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The same as two characters in the order of memory: the first digit in the lower byte. */
export const hexPairs = Uint16Array.from(hexBytes, (digits) => digits.charCodeAt(0) | (digits.charCodeAt(1) << 8));

/** Words as eight hex digits each. */
export function wordsToHex(words: ArrayLike<number>): string {
  return Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

/** Reads eight hex digits a word; anything else becomes 0. */
export function hexToWords(hex: string, into: Uint32Array): void {
  for (let i = 0; i < into.length; i++) into[i] = Number.parseInt(hex.slice(8 * i, 8 * i + 8), 16) || 0;
}
