import type { RingWriter } from './ring.ts';

/** Records a bid thread sends to the main thread. */
const RESERVED = 1;
const EVENT = 2;
const BID_ID_CHARS = 24;

/** A bid took credit. @returns whether there was room */
export function writeReserved(
  ring: RingWriter,
  bidId: string,
  bidAtMs: number,
  nanos: number,
  cells: Int32Array,
  count: number,
): boolean {
  const start = ring.open(1 + BID_ID_CHARS + 8 + 8 + 1 + 4 * count);
  if (start < 0) return false;
  const { buffer } = ring;
  let at = buffer.writeUInt8(RESERVED, start);
  at += buffer.latin1Write(bidId, at, BID_ID_CHARS);
  at = buffer.writeDoubleLE(bidAtMs, at);
  at = buffer.writeDoubleLE(nanos, at);
  at = buffer.writeUInt8(count, at);
  for (let i = 0; i < count; i++) at = buffer.writeInt32LE(cells[i]!, at);
  ring.commit(start, at);
  return true;
}

/** An event to append; `ref` comes back when it is durable. @returns whether there was room */
export function writeEvent(ring: RingWriter, ref: number, key: string, json: string): boolean {
  const bytes = Buffer.byteLength(json);
  const start = ring.open(1 + 4 + 1 + 3 * key.length + bytes);
  if (start < 0) return false;
  const { buffer } = ring;
  let at = buffer.writeUInt8(EVENT, start);
  at = buffer.writeUInt32LE(ref, at);
  const keyBytes = buffer.write(key, at + 1);
  at = buffer.writeUInt8(keyBytes, at) + keyBytes;
  at += buffer.write(json, at);
  ring.commit(start, at);
  return true;
}

export interface RecordReader {
  onReserved(bidId: string, bidAtMs: number, nanos: number, cells: number[]): void;
  onEvent(ref: number, key: string, value: Buffer): void;
}

/** Decodes one record. The value of an event is a copy. */
export function readRecord(buffer: Buffer, startAt: number, endAt: number, reader: RecordReader): void {
  const type = buffer[startAt]!;
  let at = startAt + 1;
  if (type === EVENT) {
    const ref = buffer.readUInt32LE(at);
    const keyEnd = at + 5 + buffer[at + 4]!;
    const value = Buffer.allocUnsafe(endAt - keyEnd);
    buffer.copy(value, 0, keyEnd, endAt);
    reader.onEvent(ref, buffer.toString('utf8', at + 5, keyEnd), value);
    return;
  }
  const bidId = buffer.latin1Slice(at, at + BID_ID_CHARS);
  at += BID_ID_CHARS;
  const count = buffer[at + 16]!;
  const cells: number[] = [];
  for (let i = 0; i < count; i++) cells.push(buffer.readInt32LE(at + 17 + 4 * i));
  reader.onReserved(bidId, buffer.readDoubleLE(at), buffer.readDoubleLE(at + 8), cells);
}
