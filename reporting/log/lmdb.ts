import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { type Database, open, type RootDatabase } from 'lmdb';
import type { CommittedPosition, LogRecord, NewRecord, PartitionBounds } from '../../core/eventlog.ts';
import { type TopicName, topicNames, topics } from '../../core/topics.ts';
import { chunkAppendedMs, chunkCount, decodeChunk, encodeChunk, recordBytes } from './chunk.ts';

const MAX_CHUNK_BYTES = 256 * 1024;
const MAX_CHUNK_RECORDS = 1000;
/** Chunks dropped by retention in one transaction, so that it never holds the write lock long. */
const MAX_DROPS = 1000;
/** Chunks looked at in one transaction of a rewrite. */
const MAX_REWRITES = 20;

/** What a partition holds. `first` is where reading starts, `end` the next offset, `bytes` the sum of its chunks. */
interface PartitionState {
  readonly first: number;
  readonly end: number;
  readonly bytes: number;
}

export interface Retention {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
}

export interface Rewritten {
  readonly next: number | null;
  readonly looked: number;
  readonly changed: number;
}

/** The tables of a log in one LMDB environment, and what a transaction does to them. */
export interface LogStorage {
  readonly root: RootDatabase;
  partitionsOf(topic: TopicName): number;
  /** Grows with every transaction that changed anything: what pollers watch. */
  version(): number;
  bounds(topic: TopicName, partition: number): PartitionBounds;
  bytes(topic: TopicName, partition: number): number;
  read(topic: TopicName, partition: number, from: number, limit: number): LogRecord[];
  committed(topic: TopicName, group: string, partition: number): CommittedPosition | null;
  generation(topic: TopicName, group: string): number;
  /** Inside `transact` only. */
  append(topic: TopicName, partition: number, records: readonly NewRecord[], nowMs: number): void;
  commit(topic: TopicName, group: string, partition: number, position: CommittedPosition): void;
  takeOver(topic: TopicName, group: string): number;
  /** Drops what is past retention and read by every group that ever committed. @returns chunks dropped */
  retain(topic: TopicName, partition: number, retention: Retention, nowMs: number): number;
  /**
   * Puts other values in the place of some, at the same offsets, for a partition that is not compacted; inside `transact`.
   * @param edit the new value, or null to leave the record as it is
   * @returns the offset to go on from, null at the end, and how many records were looked at and changed
   */
  rewrite(topic: TopicName, partition: number, from: number, edit: (record: LogRecord) => Buffer | null): Rewritten;
  /** Runs in one transaction that is on disk when the promise resolves and leaves no trace when it rejects. */
  transact<T>(action: () => T): Promise<T>;
}

/** Opens (or creates) the log's LMDB environment. Several processes may have it open. */
export function openLogStorage(dir: string, partitions: Readonly<Record<TopicName, number>>): LogStorage {
  mkdirSync(dir, { recursive: true });
  // Without overlapping sync a commit is on disk before any reader sees it: nothing is counted that a power cut undoes.
  const root = open({ path: dir, overlappingSync: false, maxDbs: 8 });
  root.readerCheck();
  const chunks = root.openDB<Buffer, Buffer>({ name: 'chunks', encoding: 'binary', keyEncoding: 'binary' });
  const latest = root.openDB<number, Buffer>({ name: 'latest', encoding: 'json', keyEncoding: 'binary' });
  const meta = root.openDB<unknown, string>({ name: 'meta', encoding: 'json' });
  fixPartitions(root, meta, partitions);
  const counts = Object.fromEntries(
    topicNames.map((topic) => [topic, meta.get(`partitions/${topic}`) as number]),
  ) as Record<TopicName, number>;

  const state = (topic: TopicName, partition: number): PartitionState =>
    (meta.get(`state/${topic}/${partition}`) as PartitionState | undefined) ?? { first: 0, end: 0, bytes: 0 };
  const setState = (topic: TopicName, partition: number, next: PartitionState): void => {
    meta.put(`state/${topic}/${partition}`, next);
  };
  const version = (): number => (meta.get('version') as number | undefined) ?? 0;

  function read(topic: TopicName, partition: number, from: number, limit: number): LogRecord[] {
    const found: LogRecord[] = [];
    const floor = chunkKey(topic, partition, 0);
    const start = chunkKey(topic, partition, from);
    // The chunk that starts at or before `from` may reach past it.
    for (const { key, value } of chunks.getRange({ start, end: floor, reverse: true, limit: 1, inclusiveEnd: true })) {
      const first = offsetOf(key);
      if (first < from && first + chunkCount(value) > from) found.push(...decodeChunk(value, first, from, limit));
    }
    if (found.length >= limit) return found;
    const end = chunkKey(topic, partition + 1, 0);
    for (const { key, value } of chunks.getRange({ start, end })) {
      found.push(...decodeChunk(value, offsetOf(key), from, limit - found.length));
      if (found.length >= limit) break;
    }
    return found;
  }

  function append(topic: TopicName, partition: number, records: readonly NewRecord[], nowMs: number): void {
    let { first, end, bytes } = state(topic, partition);
    const { compacted } = topics[topic];
    for (const part of compacted ? records.map((record) => [record]) : chunked(records)) {
      const chunk = encodeChunk(part, nowMs);
      chunks.put(chunkKey(topic, partition, end), chunk);
      bytes += chunk.length;
      if (compacted) {
        const key = latestKey(topic, partition, part[0]?.key ?? '');
        const previous = latest.get(key);
        if (previous !== undefined) {
          const oldKey = chunkKey(topic, partition, previous);
          bytes -= chunks.get(oldKey)?.length ?? 0;
          chunks.remove(oldKey);
        }
        latest.put(key, end);
      }
      end += part.length;
    }
    setState(topic, partition, { first, end, bytes });
  }

  /** The first offset that some group still has to read; a group that never committed has everything to read. */
  function heldFrom(topic: TopicName, partition: number): number {
    let held = Number.POSITIVE_INFINITY;
    const prefix = `generation/${topic}/`;
    for (const { key } of meta.getRange({ start: prefix, end: `generation/${topic}0` })) {
      const position = meta.get(`position/${topic}/${key.slice(prefix.length)}/${partition}`);
      held = Math.min(held, (position as CommittedPosition | undefined)?.offset ?? 0);
    }
    return held;
  }

  function retain(topic: TopicName, partition: number, retention: Retention, nowMs: number): number {
    let { first, bytes } = state(topic, partition);
    const { end } = state(topic, partition);
    const held = heldFrom(topic, partition);
    const doomed: Buffer[] = [];
    const { compacted } = topics[topic];
    const range = { start: chunkKey(topic, partition, 0), end: chunkKey(topic, partition + 1, 0) };
    for (const { key, value } of chunks.getRange(compacted ? { ...range, limit: 1000 } : range)) {
      if (doomed.length >= MAX_DROPS) break;
      const past = nowMs - chunkAppendedMs(value) > retention.maxAgeMs;
      if (compacted) {
        // Only deletions are dropped, once every follower has had time to see them.
        const [record] = decodeChunk(value, offsetOf(key), 0, 1);
        if (!past || record === undefined || record.value !== null) continue;
        latest.remove(latestKey(topic, partition, record.key));
      } else {
        const next = offsetOf(key) + chunkCount(value);
        if (next > held || !(past || bytes > retention.maxBytes)) break;
        first = next;
      }
      doomed.push(Buffer.from(key));
      bytes -= value.length;
    }
    for (const key of doomed) chunks.remove(key);
    if (doomed.length > 0) setState(topic, partition, { first, end, bytes });
    return doomed.length;
  }

  function rewrite(
    topic: TopicName,
    partition: number,
    from: number,
    edit: (record: LogRecord) => Buffer | null,
  ): Rewritten {
    const range = { start: chunkKey(topic, partition, from), end: chunkKey(topic, partition + 1, 0) };
    const sum = { looked: 0, changed: 0 };
    let { first, end, bytes } = state(topic, partition);
    let chunksSeen = 0;
    let next: number | null = null;
    for (const { key, value } of chunks.getRange({ ...range, limit: MAX_REWRITES + 1 })) {
      if (chunksSeen++ === MAX_REWRITES) {
        next = offsetOf(key);
        break;
      }
      const records = decodeChunk(value, offsetOf(key), 0, Number.POSITIVE_INFINITY);
      const edited = records.map((record) => edit(record));
      const changed = edited.filter((one) => one !== null).length;
      sum.looked += records.length;
      sum.changed += changed;
      if (changed === 0) continue;
      const after = encodeChunk(
        records.map((record, at) => ({ key: record.key, value: edited[at] ?? record.value })),
        chunkAppendedMs(value),
      );
      bytes += after.length - value.length;
      chunks.put(Buffer.from(key), after);
    }
    if (sum.changed > 0) setState(topic, partition, { first, end, bytes });
    return { next, ...sum };
  }

  return {
    root,
    partitionsOf: (topic) => counts[topic],
    version,
    bounds: (topic, partition) => {
      const { first, end } = state(topic, partition);
      return { partition, first, end };
    },
    bytes: (topic, partition) => state(topic, partition).bytes,
    read,
    committed: (topic, group, partition) =>
      (meta.get(`position/${topic}/${group}/${partition}`) as CommittedPosition | undefined) ?? null,
    generation: (topic, group) => (meta.get(`generation/${topic}/${group}`) as number | undefined) ?? 0,
    append,
    commit: (topic, group, partition, position) => {
      meta.put(`position/${topic}/${group}/${partition}`, position);
    },
    takeOver: (topic, group) => {
      const key = `generation/${topic}/${group}`;
      const next = ((meta.get(key) as number | undefined) ?? 0) + 1;
      meta.put(key, next);
      return next;
    },
    retain,
    rewrite,
    transact: (action) =>
      root.childTransaction(() => {
        const result = action();
        meta.put('version', version() + 1);
        return result;
      }),
  };
}

/** The number of partitions is fixed when the log is created: a key must never change its partition. */
function fixPartitions(
  root: RootDatabase,
  meta: Database<unknown, string>,
  partitions: Readonly<Record<TopicName, number>>,
): void {
  root.transactionSync(() => {
    for (const topic of topicNames) {
      if (meta.get(`partitions/${topic}`) === undefined) meta.putSync(`partitions/${topic}`, partitions[topic]);
    }
  });
}

function chunked(records: readonly NewRecord[]): NewRecord[][] {
  const parts: NewRecord[][] = [];
  let part: NewRecord[] = [];
  let size = 0;
  for (const record of records) {
    const bytes = recordBytes(record);
    if (part.length >= MAX_CHUNK_RECORDS || (part.length > 0 && size + bytes > MAX_CHUNK_BYTES)) {
      parts.push(part);
      part = [];
      size = 0;
    }
    part.push(record);
    size += bytes;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

/** Topic (1 byte), partition (2), offset (6), big-endian: sorts by offset inside a partition. */
function chunkKey(topic: TopicName, partition: number, offset: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key.writeUInt8(topicNames.indexOf(topic) + 1, 0);
  key.writeUInt16BE(partition, 1);
  key.writeUIntBE(offset, 3, 6);
  return key;
}

function offsetOf(key: Buffer): number {
  return key.readUIntBE(3, 6);
}

function latestKey(topic: TopicName, partition: number, key: string): Buffer {
  const digest = createHash('sha256').update(key).digest().subarray(0, 24);
  return Buffer.concat([chunkKey(topic, partition, 0).subarray(0, 3), digest]);
}
