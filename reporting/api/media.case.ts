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
