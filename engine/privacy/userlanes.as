// Hashes of users in AssemblyScript, compiled to WebAssembly by `npm run generate` (scripts/wasm.mjs): SHA-256 of four
// messages at once, one in each lane of 128 bits, because one message alone leaves three quarters of them unused.
// `userlanes.ts` is its other half. Like core/sha256.ts it has neither branches nor look-ups that depend on the data.

/** Most users of one call. */
export const MAX_USERS: i32 = 16;
const LANES: i32 = 4;
const BLOCK_BYTES: i32 = 64;
const SALT_WORDS: i32 = 4;
const DIGEST_WORDS: i32 = 8;
const VECTOR: i32 = 16;

// The compiler keeps its own constants from 1024 on.
/** Where the ids are put, a block each, and their lengths, at most 55 bytes. */
export const BLOCKS: i32 = 4096;
export const LENGTHS: i32 = BLOCKS + MAX_USERS * BLOCK_BYTES;
/** The 16 bytes of the salt, as they are. */
export const SALT: i32 = LENGTHS + MAX_USERS * 4;
/** Digests of ids and of salted ids: eight words for each, users of four beside each other word by word. */
export const INNER: i32 = SALT + 64;
export const OUTER: i32 = INNER + MAX_USERS * DIGEST_WORDS * 4;
const SCHEDULE: i32 = OUTER + MAX_USERS * DIGEST_WORDS * 4;

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2), and of the square
// roots of the first eight (5.3.3).
const K = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);
const INITIAL = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

/** Hashes the first `count` ids, and with the salt before it each digest again. */
export function hashUsers(count: i32): void {
  for (let user = 0; user < count; user++) pad(BLOCKS + user * BLOCK_BYTES, load<i32>(LENGTHS + (user << 2)));
  for (let first = 0; first < count; first += LANES) {
    const blocks = BLOCKS + first * BLOCK_BYTES;
    for (let t = 0; t < 16; t++) {
      const at = blocks + (t << 2);
      let words = i32x4.splat(bswap(load<i32>(at)));
      words = i32x4.replace_lane(words, 1, bswap(load<i32>(at + BLOCK_BYTES)));
      words = i32x4.replace_lane(words, 2, bswap(load<i32>(at + 2 * BLOCK_BYTES)));
      words = i32x4.replace_lane(words, 3, bswap(load<i32>(at + 3 * BLOCK_BYTES)));
      v128.store(SCHEDULE + (t << 4), words);
    }
    const inner = INNER + first * DIGEST_WORDS * 4;
    compress(inner);
    for (let t = 0; t < SALT_WORDS; t++) {
      v128.store(SCHEDULE + (t << 4), i32x4.splat(bswap(load<i32>(SALT + (t << 2)))));
    }
    for (let t = 0; t < DIGEST_WORDS; t++) {
      v128.store(SCHEDULE + ((SALT_WORDS + t) << 4), v128.load(inner + (t << 4)));
    }
    const end = SALT_WORDS + DIGEST_WORDS;
    v128.store(SCHEDULE + (end << 4), i32x4.splat(0x80000000));
    for (let t = end + 1; t < 15; t++) v128.store(SCHEDULE + (t << 4), i32x4.splat(0));
    v128.store(SCHEDULE + (15 << 4), i32x4.splat(end * 32));
    compress(OUTER + first * DIGEST_WORDS * 4);
  }
}

/** Ends a message of one block (FIPS 180-4, 5.1.1). */
function pad(block: i32, length: i32): void {
  store<u8>(block + length, 0x80);
  for (let i = length + 1; i < BLOCK_BYTES - 4; i++) store<u8>(block + i, 0);
  store<i32>(block + BLOCK_BYTES - 4, bswap(length << 3));
}

function rotated(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shr_u(x, bits), i32x4.shl(x, 32 - bits));
}

/** Takes the block whose first 16 words stand in SCHEDULE into an empty state, and writes the digests. */
function compress(out: i32): void {
  for (let at = SCHEDULE + 16 * VECTOR; at < SCHEDULE + 64 * VECTOR; at += VECTOR) {
    const x = v128.load(at - 15 * VECTOR);
    const y = v128.load(at - 2 * VECTOR);
    const s0 = v128.xor(v128.xor(rotated(x, 7), rotated(x, 18)), i32x4.shr_u(x, 3));
    const s1 = v128.xor(v128.xor(rotated(y, 17), rotated(y, 19)), i32x4.shr_u(y, 10));
    const before = i32x4.add(v128.load(at - 16 * VECTOR), v128.load(at - 7 * VECTOR));
    v128.store(at, i32x4.add(before, i32x4.add(s0, s1)));
  }
  let a = v128.load32_splat(INITIAL);
  let b = v128.load32_splat(INITIAL + 4);
  let c = v128.load32_splat(INITIAL + 8);
  let d = v128.load32_splat(INITIAL + 12);
  let e = v128.load32_splat(INITIAL + 16);
  let f = v128.load32_splat(INITIAL + 20);
  let g = v128.load32_splat(INITIAL + 24);
  let h = v128.load32_splat(INITIAL + 28);
  for (let t = 0; t < 64; t++) {
    const s1 = v128.xor(v128.xor(rotated(e, 6), rotated(e, 11)), rotated(e, 25));
    const choice = v128.xor(g, v128.and(e, v128.xor(f, g)));
    const word = i32x4.add(v128.load32_splat(K + (t << 2)), v128.load(SCHEDULE + (t << 4)));
    const t1 = i32x4.add(i32x4.add(h, s1), i32x4.add(choice, word));
    const s0 = v128.xor(v128.xor(rotated(a, 2), rotated(a, 13)), rotated(a, 22));
    const most = v128.or(v128.and(a, b), v128.and(c, v128.or(a, b)));
    h = g;
    g = f;
    f = e;
    e = i32x4.add(d, t1);
    d = c;
    c = b;
    b = a;
    a = i32x4.add(t1, i32x4.add(s0, most));
  }
  v128.store(out, i32x4.add(a, v128.load32_splat(INITIAL)));
  v128.store(out + VECTOR, i32x4.add(b, v128.load32_splat(INITIAL + 4)));
  v128.store(out + 2 * VECTOR, i32x4.add(c, v128.load32_splat(INITIAL + 8)));
  v128.store(out + 3 * VECTOR, i32x4.add(d, v128.load32_splat(INITIAL + 12)));
  v128.store(out + 4 * VECTOR, i32x4.add(e, v128.load32_splat(INITIAL + 16)));
  v128.store(out + 5 * VECTOR, i32x4.add(f, v128.load32_splat(INITIAL + 20)));
  v128.store(out + 6 * VECTOR, i32x4.add(g, v128.load32_splat(INITIAL + 24)));
  v128.store(out + 7 * VECTOR, i32x4.add(h, v128.load32_splat(INITIAL + 28)));
}
