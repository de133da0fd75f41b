/**
 * Impression counts per user, in shared memory: one thread writes, every thread reads, nobody locks. Bounded: a bucket
 * of seven counters that is full of live ones gives up its smallest, and from then on every user unknown to that bucket
 * is taken to have seen that many (as "Space-Saving" does, Metwally 2005). So a count can be too high, which shows an
 * ad too rarely, and never too low.
 */
export type CapTable = Int32Array<SharedArrayBuffer>;

// A bucket is 8 cells of 4 words: 7 counters (key, key, until, count) and what was given up (unused, unused, until, count).
const CELL = 4;
const COUNTERS = 7;
const BUCKET = 32;
const GIVEN_UP = COUNTERS * CELL;
const UNTIL = 2;
const COUNT = 3;

/** Longest a lifetime count is kept after its last impression, seconds. */
export const LIFETIME_SECONDS = 90 * 86_400;

/** @param buckets a power of two; each is 128 bytes and holds 7 counters */
export function createCapTable(buckets: number): CapTable {
  if (buckets < 1 || (buckets & (buckets - 1)) !== 0)
    throw new RangeError('The number of buckets must be a power of two.');
  return new Int32Array(new SharedArrayBuffer(buckets * BUCKET * 4));
}

/** What a counter counts: the hash of user, scope and period. Reused, so that a lookup makes no object. */
export interface CapKey {
  a: number;
  b: number;
}

/**
 * @param kind scope and period as one small number
 * @param id the campaign, line item or creative
 */
export function capKey(userHi: number, userLo: number, kind: number, id: number, into: CapKey): void {
  let a = mix32(userHi ^ Math.imul(id, 0x9e3779b1));
  let b = mix32(userLo ^ Math.imul(kind + 1, 0x85ebca77) ^ a);
  a = mix32(a + Math.imul(b, 0xc2b2ae3d));
  b = mix32(b ^ id ^ Math.imul(a, 0x27d4eb2f));
  into.a = a;
  // 0, 0 marks an empty cell.
  into.b = a === 0 && b === 0 ? 1 : b;
}

/** How many impressions count now; too high at worst, see `CapTable`. @param nowSeconds since the epoch */
export function readCount(table: CapTable, key: CapKey, nowSeconds: number): number {
  const bucket = bucketOf(table, key.a);
  for (let cell = bucket; cell < bucket + GIVEN_UP; cell += CELL) {
    // Most cells are others': a plain look costs a twentieth of an atomic one, and what agrees is looked at again.
    if (table[cell] !== key.a || table[cell + 1] !== key.b) continue;
    const until = Atomics.load(table, cell + UNTIL) >>> 0;
    const count = Atomics.load(table, cell + COUNT);
    // The writer may have given the cell away in between.
    if (Atomics.load(table, cell) !== key.a || Atomics.load(table, cell + 1) !== key.b) break;
    return until > nowSeconds ? count : 0;
  }
  return givenUp(table, bucket, nowSeconds);
}

/**
 * Counts one impression. Only one thread may do this.
 * @param untilSeconds when a window that starts now ends; a live window keeps its own end unless `extends`
 * @param extending move the end of a live window too (lifetime counts)
 * @returns how many live counters were given up for it: 0 or 1
 */
export function addCount(
  table: CapTable,
  key: CapKey,
  nowSeconds: number,
  untilSeconds: number,
  extending: boolean,
): number {
  const bucket = bucketOf(table, key.a);
  let free = -1;
  let smallest = bucket;
  for (let cell = bucket; cell < bucket + GIVEN_UP; cell += CELL) {
    const until = table[cell + UNTIL]! >>> 0;
    if (table[cell] === key.a && table[cell + 1] === key.b) {
      const live = until > nowSeconds;
      Atomics.store(table, cell + COUNT, live ? table[cell + COUNT]! + 1 : 1);
      if (!live || extending) Atomics.store(table, cell + UNTIL, untilSeconds | 0);
      return 0;
    }
    if (until <= nowSeconds) free = free < 0 ? cell : free;
    else if (isSmaller(table, cell, smallest)) smallest = cell;
  }
  const count = givenUp(table, bucket, nowSeconds) + 1;
  const cell = free >= 0 ? free : smallest;
  if (free < 0) giveUp(table, bucket, cell, nowSeconds);
  // Not live while it changes hands.
  Atomics.store(table, cell + UNTIL, 0);
  Atomics.store(table, cell, key.a);
  Atomics.store(table, cell + 1, key.b);
  Atomics.store(table, cell + COUNT, count);
  Atomics.store(table, cell + UNTIL, untilSeconds | 0);
  return free < 0 ? 1 : 0;
}

/** Live counters now, for metrics and tests: reads the whole table. */
export function liveCounters(table: CapTable, nowSeconds: number): number {
  let live = 0;
  for (let bucket = 0; bucket < table.length; bucket += BUCKET) {
    for (let cell = bucket; cell < bucket + GIVEN_UP; cell += CELL) {
      if (table[cell + UNTIL]! >>> 0 > nowSeconds) live++;
    }
  }
  return live;
}

function bucketOf(table: CapTable, hash: number): number {
  return (hash & (table.length / BUCKET - 1)) * BUCKET;
}

function givenUp(table: CapTable, bucket: number, nowSeconds: number): number {
  const until = table[bucket + GIVEN_UP + UNTIL]! >>> 0;
  return until > nowSeconds ? Atomics.load(table, bucket + GIVEN_UP + COUNT) : 0;
}

function giveUp(table: CapTable, bucket: number, victim: number, nowSeconds: number): void {
  const before = givenUp(table, bucket, nowSeconds);
  const until = Math.max(before === 0 ? 0 : table[bucket + GIVEN_UP + UNTIL]! >>> 0, table[victim + UNTIL]! >>> 0);
  Atomics.store(table, bucket + GIVEN_UP + COUNT, Math.max(before, table[victim + COUNT]!));
  Atomics.store(table, bucket + GIVEN_UP + UNTIL, until | 0);
}

/** The fewer impressions, and of equals the sooner forgotten. */
function isSmaller(table: CapTable, cell: number, than: number): boolean {
  const difference = table[cell + COUNT]! - table[than + COUNT]!;
  return difference < 0 || (difference === 0 && table[cell + UNTIL]! >>> 0 < table[than + UNTIL]! >>> 0);
}

/** The finalizer of MurmurHash3 (public domain): every input bit changes every output bit with probability one half. */
export function mix32(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
