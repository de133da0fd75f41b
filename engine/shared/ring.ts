/**
 * A bounded ring of records in shared memory, from one writing thread to one reading thread. A record that does not fit
 * is refused, so the writer decides what that means; nothing is overwritten.
 */
export interface SharedRing {
  readonly header: Int32Array<SharedArrayBuffer>;
  readonly data: SharedArrayBuffer;
}

// Positions count bytes and wrap at 2^32; the size of the data is a power of two.
const WRITE = 0;
const READ = 1;
const REFUSED = 2;
const SKIP = -1;
const LENGTH_BYTES = 4;

/** @param bytes size of the data, a power of two */
export function createSharedRing(bytes: number): SharedRing {
  if (bytes < 1024 || (bytes & (bytes - 1)) !== 0) throw new RangeError('The size of a ring must be a power of two.');
  return { header: new Int32Array(new SharedArrayBuffer(16)), data: new SharedArrayBuffer(bytes) };
}

/** Records refused since the start because the ring was full. */
export function refusedRecords(ring: SharedRing): number {
  return Atomics.load(ring.header, REFUSED);
}

export interface RingWriter {
  /**
   * Opens room for a record of at most `maxBytes`.
   * @returns where to write in `buffer`, or -1 when the ring is full (counted)
   */
  open(maxBytes: number): number;
  readonly buffer: Buffer;
  /** The same memory as words: records begin at whole words. */
  readonly words: Int32Array;
  /** Publishes the opened record with its real length, which ends at `endAt`. */
  commit(startAt: number, endAt: number): void;
}

export function ringWriter(ring: SharedRing): RingWriter {
  const size = ring.data.byteLength;
  const buffer = Buffer.from(ring.data);
  const words = new Int32Array(ring.data);
  const { header } = ring;
  // Nobody else writes the one, and the other only grows: asking for it again is needed only when it seems full.
  let write = Atomics.load(header, WRITE) >>> 0;
  let read = Atomics.load(header, READ) >>> 0;

  function hasRoom(bytes: number): boolean {
    if (((write - read) >>> 0) + bytes <= size) return true;
    read = Atomics.load(header, READ) >>> 0;
    return ((write - read) >>> 0) + bytes <= size;
  }

  return {
    buffer,
    words,
    open(maxBytes) {
      const offset = write & (size - 1);
      const tillEnd = size - offset;
      const wanted = aligned(LENGTH_BYTES + maxBytes);
      const wraps = wanted > tillEnd;
      if (!hasRoom(wanted + (wraps ? tillEnd : 0))) {
        Atomics.add(header, REFUSED, 1);
        return -1;
      }
      if (!wraps) return offset + LENGTH_BYTES;
      words[offset >> 2] = SKIP;
      write = (write + tillEnd) >>> 0;
      Atomics.store(header, WRITE, write | 0);
      return LENGTH_BYTES;
    },
    commit(startAt, endAt) {
      words[(startAt - LENGTH_BYTES) >> 2] = endAt - startAt;
      write = (write + aligned(LENGTH_BYTES + endAt - startAt)) >>> 0;
      Atomics.store(header, WRITE, write | 0);
    },
  };
}

/**
 * Reads what is there, at most `maxRecords`. The bytes given to `onRecord` are only valid until it returns.
 * @returns how many records were read
 */
export function readRing(
  ring: SharedRing,
  buffer: Buffer,
  maxRecords: number,
  onRecord: (buffer: Buffer, startAt: number, endAt: number) => void,
): number {
  const size = ring.data.byteLength;
  const write = Atomics.load(ring.header, WRITE) >>> 0;
  let read = Atomics.load(ring.header, READ) >>> 0;
  let count = 0;
  while (read !== write && count < maxRecords) {
    const offset = read & (size - 1);
    const length = buffer.readInt32LE(offset);
    if (length === SKIP) read = (read + size - offset) >>> 0;
    else {
      onRecord(buffer, offset + LENGTH_BYTES, offset + LENGTH_BYTES + length);
      count++;
      read = (read + aligned(LENGTH_BYTES + length)) >>> 0;
    }
    Atomics.store(ring.header, READ, read | 0);
  }
  return count;
}

/** Lengths are multiples of four, so the four bytes of a length never wrap. */
function aligned(bytes: number): number {
  return (bytes + 3) & ~3;
}
