/**
 * SHA-256 (FIPS 180-4) of short messages without allocating: node:crypto costs 1.3–2.7 µs a call on the bid path, this
 * about 0.6 µs. Longer messages belong to node:crypto.
 */
export const MAX_ONE_BLOCK_BYTES = 55;

const K = new Int32Array(64);
const INITIAL = new Int32Array(8);
const schedule = new Int32Array(64);

// The constants are the first 32 bits of the fractional parts of the roots of the first primes (FIPS 180-4, 4.2.2 and 5.3.3).
for (let candidate = 2, found = 0; found < 64; candidate++) {
  if (!isPrime(candidate)) continue;
  if (found < 8) INITIAL[found] = fractionBits(Math.sqrt(candidate));
  K[found++] = fractionBits(Math.cbrt(candidate));
}

/**
 * Digest of `message[0, length)`.
 * @param message at least 64 bytes long: what follows `length` is overwritten with the padding
 * @param length at most 55 bytes
 * @param digest receives the eight 32-bit words of the digest
 */
export function sha256OneBlock(message: Uint8Array, length: number, digest: Int32Array): void {
  message[length] = 0x80;
  message.fill(0, length + 1, 62);
  message[62] = (length * 8) >>> 8;
  message[63] = (length * 8) & 0xff;
  expand(message);
  compress(digest);
}

function expand(block: Uint8Array): void {
  const w = schedule;
  for (let i = 0, at = 0; i < 16; i++, at += 4) {
    w[i] = (block[at]! << 24) | (block[at + 1]! << 16) | (block[at + 2]! << 8) | block[at + 3]!;
  }
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15]!;
    const y = w[i - 2]!;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
  }
}

function compress(digest: Int32Array): void {
  let a = INITIAL[0]!;
  let b = INITIAL[1]!;
  let c = INITIAL[2]!;
  let d = INITIAL[3]!;
  let e = INITIAL[4]!;
  let f = INITIAL[5]!;
  let g = INITIAL[6]!;
  let h = INITIAL[7]!;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i]! + schedule[i]!) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  digest[0] = (INITIAL[0]! + a) | 0;
  digest[1] = (INITIAL[1]! + b) | 0;
  digest[2] = (INITIAL[2]! + c) | 0;
  digest[3] = (INITIAL[3]! + d) | 0;
  digest[4] = (INITIAL[4]! + e) | 0;
  digest[5] = (INITIAL[5]! + f) | 0;
  digest[6] = (INITIAL[6]! + g) | 0;
  digest[7] = (INITIAL[7]! + h) | 0;
}

function fractionBits(root: number): number {
  return Math.floor((root - Math.floor(root)) * 4294967296) | 0;
}

function isPrime(candidate: number): boolean {
  for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) return false;
  return true;
}
