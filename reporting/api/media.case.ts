import { deflateSync } from 'node:zlib';

const box = (kind: string, ...inside: Buffer[]): Buffer => {
  const body = Buffer.concat(inside);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length + 8, 0);
  head.write(kind, 4, 'latin1');
  return Buffer.concat([head, body]);
};
/** The head of an MP4 file of a length in seconds; without a size it is a sound. */
export const mp4 = (seconds: number, w: number, h: number): Buffer => {
  const header = Buffer.alloc(100);
  header.writeUInt32BE(1000, 12);
  header.writeUInt32BE(seconds * 1000, 16);
  const track = Buffer.alloc(84);
  track.writeUInt16BE(w, 76);
  track.writeUInt16BE(h, 80);
  return Buffer.concat([
    box('ftyp', Buffer.from('isom\0\0\0\0')),
    box('moov', box('mvhd', header), box('trak', box('tkhd', track))),
  ]);
};
const ebml = (id: string, ...inside: Buffer[]): Buffer => {
  const body = Buffer.concat(inside);
  return Buffer.concat([Buffer.from(id, 'hex'), Buffer.from([0x40 | (body.length >> 8), body.length & 255]), body]);
};
/** The head of a WebM file. */
export const webm = (seconds: number, w: number, h: number): Buffer => {
  const ticks = Buffer.alloc(8);
  ticks.writeDoubleBE(seconds * 1000);
  const size = (n: number) => Buffer.from([n >> 8, n & 255]);
  const video = ebml('e0', ebml('b0', size(w)), ebml('ba', size(h)));
  const info = ebml('1549a966', ebml('2ad7b1', Buffer.from([15, 66, 64])), ebml('4489', ticks));
  return Buffer.concat([
    ebml('1a45dfa3', ebml('4282', Buffer.from('webm'))),
    ebml('18538067', info, ebml('1654ae6b', ebml('ae', video))),
  ]);
};
/** The head of a PNG file. */
export const png = (w: number, h: number): Buffer => {
  const bytes = Buffer.alloc(64);
  bytes.write('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
  bytes.writeUInt32BE(w, 16);
  bytes.writeUInt32BE(h, 20);
  return bytes;
};
/** The checksum of PNG; `zlib.crc32` is younger than the oldest Node this runs on. */
const crc32 = (bytes: Buffer): number => {
  let rest = ~0;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (0xedb88320 & -(rest & 1));
  }
  return ~rest >>> 0;
};
/** A whole PNG file that can be looked at: a slope from one colour to another. */
export const picture = (w: number, h: number, from: readonly number[], to: readonly number[]): Buffer => {
  const row = (y: number): Buffer => {
    const line = Buffer.alloc(1 + w * 3);
    for (let i = 0; i < w * 3; i++) {
      const share = (Math.floor(i / 3) / w + y / h) / 2;
      line[1 + i] = Math.round(from[i % 3]! * (1 - share) + to[i % 3]! * share);
    }
    return line;
  };
  const chunk = (kind: string, body: Buffer): Buffer => {
    const ends = Buffer.alloc(8);
    const named = Buffer.concat([Buffer.from(kind, 'latin1'), body]);
    ends.writeUInt32BE(body.length, 0);
    ends.writeUInt32BE(crc32(named), 4);
    return Buffer.concat([ends.subarray(0, 4), named, ends.subarray(4)]);
  };
  const head = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
  head.writeUInt32BE(w, 0);
  head.writeUInt32BE(h, 4);
  const rows = Buffer.concat(Array.from({ length: h }, (_, y) => row(y)));
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
};
