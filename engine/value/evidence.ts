import { mix32 } from '../users/captable.ts';

/**
 * What was seen of line items, creatives and creatives on domains: impressions, clicks, conversions, as decaying
 * counts in shared memory. One thread counts, every thread reads without locks. Bounded: in a full bucket the entry with
 * the fewest impressions makes room, and is then estimated from the level above.
 */
export interface Evidence {
  readonly keys: Int32Array<SharedArrayBuffer>;
  readonly counts: Float64Array<SharedArrayBuffer>;
}

/** One entry's counts, reused from lookup to lookup. */
export interface Seen {
  impressions: number;
  clicks: number;
  conversions: number;
}

export const LEVEL = { all: 0, lineItem: 1, creative: 2, creativeOnDomain: 3 } as const;
export type Level = (typeof LEVEL)[keyof typeof LEVEL];
export type Outcome = 'impressions' | 'clicks' | 'conversions';

const BUCKET = 8;
const FIELDS = 3;
const FIELD: Readonly<Record<Outcome, number>> = { impressions: 0, clicks: 1, conversions: 2 };

/** @param buckets a power of two; each is 256 bytes and holds 8 entries */
export function createEvidence(buckets: number): Evidence {
  if (buckets < 1 || (buckets & (buckets - 1)) !== 0)
    throw new RangeError('The number of buckets must be a power of two.');
  const entries = buckets * BUCKET;
  return {
    keys: new Int32Array(new SharedArrayBuffer(entries * 2 * 4)),
    counts: new Float64Array(new SharedArrayBuffer(entries * FIELDS * 8)),
  };
}

/** Reads an entry; zeros when there is none. @param domainHash 0 except for `creativeOnDomain` */
export function readEvidence(evidence: Evidence, level: Level, id: number, domainHash: number, into: Seen): void {
  const entry = find(evidence.keys, firstKey(level, id), secondKey(id, domainHash));
  const at = entry * FIELDS;
  into.impressions = entry < 0 ? 0 : evidence.counts[at]!;
  into.clicks = entry < 0 ? 0 : evidence.counts[at + 1]!;
  into.conversions = entry < 0 ? 0 : evidence.counts[at + 2]!;
}

/** Counts one outcome. Only one thread may do this. */
export function addEvidence(evidence: Evidence, level: Level, id: number, domainHash: number, outcome: Outcome): void {
  const a = firstKey(level, id);
  const b = secondKey(id, domainHash);
  let entry = find(evidence.keys, a, b);
  if (entry < 0) {
    entry = leastSeen(evidence, a, b);
    evidence.keys[entry * 2] = 0;
    evidence.counts.fill(0, entry * FIELDS, (entry + 1) * FIELDS);
    evidence.keys[entry * 2 + 1] = b;
    evidence.keys[entry * 2] = a;
  }
  const at = entry * FIELDS + FIELD[outcome];
  evidence.counts[at] = evidence.counts[at]! + 1;
}

/** Lets old evidence fade: multiplies every count. Entries that have faded to nothing make room. */
export function fadeEvidence(evidence: Evidence, factor: number): void {
  const { counts, keys } = evidence;
  for (let i = 0; i < counts.length; i++) counts[i] = counts[i]! * factor;
  for (let entry = 0; entry < keys.length / 2; entry++) {
    const at = entry * FIELDS;
    if (counts[at]! < 0.01 && counts[at + 1]! < 0.01 && counts[at + 2]! < 0.01) keys[entry * 2] = 0;
  }
}

/** Never 0, which marks an empty entry. */
function firstKey(level: Level, id: number): number {
  return mix32(id ^ Math.imul(level + 1, 0x9e3779b1)) | 1;
}

function secondKey(id: number, domainHash: number): number {
  return mix32(domainHash ^ Math.imul(id, 0x85ebca77));
}

function find(keys: Int32Array, a: number, b: number): number {
  const first = bucketOf(keys, a, b);
  for (let entry = first; entry < first + BUCKET; entry++) {
    if (keys[entry * 2] === a && keys[entry * 2 + 1] === b) return entry;
  }
  return -1;
}

function leastSeen(evidence: Evidence, a: number, b: number): number {
  const first = bucketOf(evidence.keys, a, b);
  let least = first;
  for (let entry = first; entry < first + BUCKET; entry++) {
    if (evidence.keys[entry * 2] === 0) return entry;
    if (evidence.counts[entry * FIELDS]! < evidence.counts[least * FIELDS]!) least = entry;
  }
  return least;
}

function bucketOf(keys: Int32Array, a: number, b: number): number {
  const buckets = keys.length / 2 / BUCKET;
  return (mix32(a ^ Math.imul(b, 0xc2b2ae3d)) & (buckets - 1)) * BUCKET;
}
