import { hexPairs } from '../../core/hex.ts';
import { BID_ID_WORDS } from '../../core/ids.ts';
import type { RingWriter } from './ring.ts';

/** Records a bid thread sends to the main thread. Written as native words: every processor Node runs on is little-endian. */
const RESERVED = 1;
const EVENT = 2;
const BID_ID_CHARS = 24;

/** A bid took credit. @param bidId three words @param exchangeHash `hashName` of the exchange @returns whether there was room */
export function writeReserved(
  ring: RingWriter,
  bidId: Uint32Array,
  bidAtMs: number,
  nanos: number,
  exchangeHash: number,
  cells: Int32Array,
  count: number,
): boolean {
  const start = ring.open(RESERVED_BYTES + 4 * count);
  if (start < 0) return false;
  const { words } = ring;
  // Word by word: calls into the runtime would cost more than the rest of the record.
  let at = start >> 2;
  words[at++] = RESERVED | (count << 8);
  for (let i = 0; i < BID_ID_WORDS; i++) {
    const word = bidId[i]!;
    words[at++] = hexPairs[word >>> 24]! | (hexPairs[(word >>> 16) & 255]! << 16);
    words[at++] = hexPairs[(word >>> 8) & 255]! | (hexPairs[word & 255]! << 16);
  }
  twoDoubles[0] = bidAtMs;
  twoDoubles[1] = nanos;
  for (let i = 0; i < 4; i++) words[at++] = asWords[i]!;
  words[at++] = exchangeHash;
  for (let i = 0; i < count; i++) words[at++] = cells[i]!;
  ring.commit(start, at << 2);
  return true;
}
const twoDoubles = new Float64Array(2);
const asWords = new Int32Array(twoDoubles.buffer);
/** Type and count, bid id, time and price, exchange. */
const RESERVED_BYTES = 4 + BID_ID_CHARS + 16 + 4;

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
  /** @param cells the first `count` of them; reused for the next record */
  onReserved(
    bidId: string,
    bidAtMs: number,
    nanos: number,
    exchangeHash: number,
    cells: Int32Array,
    count: number,
  ): void;
  onEvent(ref: number, key: string, value: Buffer): void;
}

const cells = new Int32Array(256);

/** Decodes one record. The value of an event is a copy. */
export function readRecord(buffer: Buffer, startAt: number, endAt: number, reader: RecordReader): void {
  const type = buffer[startAt]!;
  if (type === EVENT) {
    const at = startAt + 1;
    const ref = buffer.readUInt32LE(at);
    const keyEnd = at + 5 + buffer[at + 4]!;
    const value = Buffer.allocUnsafe(endAt - keyEnd);
    buffer.copy(value, 0, keyEnd, endAt);
    reader.onEvent(ref, buffer.toString('utf8', at + 5, keyEnd), value);
    return;
  }
  const count = buffer[startAt + 1]!;
  const at = startAt + 4 + BID_ID_CHARS;
  const bidId = buffer.latin1Slice(startAt + 4, at);
  for (let i = 0; i < count; i++) cells[i] = buffer.readInt32LE(at + 20 + 4 * i);
  const [bidAtMs, nanos] = [buffer.readDoubleLE(at), buffer.readDoubleLE(at + 8)];
  reader.onReserved(bidId, bidAtMs, nanos, buffer.readInt32LE(at + 16), cells, count);
}
