import type { LogRecord, NewRecord } from '../../core/eventlog.ts';

/**
 * A chunk is how neighbouring records of one partition are stored: their first offset is in its key, they follow each
 * other without gaps. Layout: appendedMs (f64), count (u32), then per record key length (u16), key, value length (i32,
 * -1 for null), value.
 */
const HEADER_BYTES = 12;
const RECORD_HEADER_BYTES = 6;

/** Bytes a record takes inside a chunk. */
export function recordBytes(record: NewRecord): number {
  return RECORD_HEADER_BYTES + Buffer.byteLength(record.key) + (record.value?.length ?? 0);
}

export function encodeChunk(records: readonly NewRecord[], appendedMs: number): Buffer {
  const size = records.reduce((sum, record) => sum + recordBytes(record), HEADER_BYTES);
  const bytes = Buffer.allocUnsafe(size);
  bytes.writeDoubleLE(appendedMs, 0);
  bytes.writeUInt32LE(records.length, 8);
  let at = HEADER_BYTES;
  for (const { key, value } of records) {
    const keyBytes = bytes.write(key, at + 2);
    bytes.writeUInt16LE(keyBytes, at);
    at += 2 + keyBytes;
    bytes.writeInt32LE(value === null ? -1 : value.length, at);
    at += 4;
    if (value !== null) at += value.copy(bytes, at);
  }
  return bytes;
}

export function chunkAppendedMs(chunk: Buffer): number {
  return chunk.readDoubleLE(0);
}

export function chunkCount(chunk: Buffer): number {
  return chunk.readUInt32LE(8);
}

/** The records of a chunk with `offset >= from`, at most `limit`. Values share the chunk's memory. */
export function decodeChunk(chunk: Buffer, firstOffset: number, from: number, limit: number): LogRecord[] {
  const appendedMs = chunkAppendedMs(chunk);
  const end = firstOffset + chunkCount(chunk);
  const records: LogRecord[] = [];
  let at = HEADER_BYTES;
  for (let offset = firstOffset; offset < end && records.length < limit; offset++) {
    const keyStart = at + 2;
    const keyEnd = keyStart + chunk.readUInt16LE(at);
    const length = chunk.readInt32LE(keyEnd);
    const valueStart = keyEnd + 4;
    at = valueStart + Math.max(0, length);
    if (offset < from) continue;
    const value = length < 0 ? null : chunk.subarray(valueStart, at);
    records.push({ offset, key: chunk.toString('utf8', keyStart, keyEnd), value, appendedMs });
  }
  return records;
}
