/** What the bytes of a film or a sound say about themselves. */
export interface MediaInfo {
  readonly type: 'mp4' | 'm4a' | 'webm' | 'mp3';
  /** Seconds, more than 0. */
  readonly seconds: number;
  /** Pixels; 0 of a sound. */
  readonly w: number;
  readonly h: number;
}

export const mediaMimes = { mp4: 'video/mp4', m4a: 'audio/mp4', webm: 'video/webm', mp3: 'audio/mpeg' } as const;

/** Reads kind, length and size from the bytes themselves; null when it is none of these or does not say how long it is. */
export function mediaInfo(bytes: Buffer): MediaInfo | null {
  const found = mp4Info(bytes) ?? webmInfo(bytes) ?? mp3Info(bytes);
  return found !== null && Number.isFinite(found.seconds) && found.seconds > 0 ? found : null;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** The boxes of an ISO base media file (ISO/IEC 14496-12) of a kind, directly inside a span. */
function boxes(bytes: Buffer, { from, to }: Span, kind: string): readonly Span[] {
  const found: Span[] = [];
  for (let at = from; at + 8 <= to; ) {
    const short = bytes.readUInt32BE(at);
    const long = short === 1 && at + 16 <= to;
    const size = long ? Number(bytes.readBigUInt64BE(at + 8)) : short === 0 ? to - at : short;
    const head = long ? 16 : 8;
    if (size < head || at + size > to) break;
    if (bytes.toString('latin1', at + 4, at + 8) === kind) found.push({ from: at + head, to: at + size });
    at += size;
  }
  return found;
}

function mp4Info(bytes: Buffer): MediaInfo | null {
  if (bytes.length < 16 || bytes.toString('latin1', 4, 8) !== 'ftyp') return null;
  const [movie] = boxes(bytes, { from: 0, to: bytes.length }, 'moov');
  const [header] = movie === undefined ? [] : boxes(bytes, movie, 'mvhd');
  if (movie === undefined || header === undefined || header.to - header.from < 32) return null;
  const wide = bytes[header.from] === 1;
  const scale = bytes.readUInt32BE(header.from + (wide ? 20 : 12));
  const length = wide ? Number(bytes.readBigUInt64BE(header.from + 24)) : bytes.readUInt32BE(header.from + 16);
  const [w, h] = largestTrack(bytes, movie);
  return { type: w > 0 && h > 0 ? 'mp4' : 'm4a', seconds: length / scale, w, h };
}

/** Width and height stand at the end of a track's header, in 16.16 fixed point. */
function largestTrack(bytes: Buffer, movie: Span): readonly [number, number] {
  const sizes = boxes(bytes, movie, 'trak')
    .flatMap((track) => boxes(bytes, track, 'tkhd'))
    .filter(({ from, to }) => to - from >= 8)
    .map(({ to }): [number, number] => [bytes.readUInt16BE(to - 8), bytes.readUInt16BE(to - 4)]);
  return sizes.reduce((most, size) => (size[0] * size[1] > most[0] * most[1] ? size : most), [0, 0]);
}

/** An EBML number (RFC 8794): its length is told by the zeros it begins with. */
function ebmlNumber(bytes: Buffer, at: number, keepMarker: boolean): { value: number; length: number } | null {
  const first = bytes[at] ?? 0;
  const length = Math.clz32(first) - 23;
  if (first === 0 || at + length > bytes.length) return null;
  let value = keepMarker ? first : first & (0xff >> length);
  let unknown = (first & (0xff >> length)) === 0xff >> length;
  for (let i = 1; i < length; i++) {
    value = value * 256 + bytes[at + i]!;
    unknown &&= bytes[at + i] === 0xff;
  }
  // All ones: as long as what is around it.
  return { value: unknown && !keepMarker ? Number.POSITIVE_INFINITY : value, length };
}

/** The first element of a kind directly inside a span. */
function element(bytes: Buffer, span: Span, kind: number): Span | null {
  for (let at = span.from; at < span.to; ) {
    const id = ebmlNumber(bytes, at, true);
    const size = id && ebmlNumber(bytes, at + id.length, false);
    if (id === null || size === null) return null;
    const from = at + id.length + size.length;
    const to = Math.min(span.to, from + size.value);
    if (id.value === kind) return { from, to };
    at = to;
  }
  return null;
}

/** The element that a path of ids leads to. */
function elementAt(bytes: Buffer, path: readonly number[]): Span | null {
  return path.reduce<Span | null>((span, kind) => span && element(bytes, span, kind), { from: 0, to: bytes.length });
}

function unsigned(bytes: Buffer, span: Span | null): number | null {
  if (span === null || span.to - span.from < 1 || span.to - span.from > 6) return null;
  return bytes.readUIntBE(span.from, span.to - span.from);
}

const SEGMENT = 0x18538067;
const INFO = 0x1549a966;
const VIDEO = [SEGMENT, 0x1654ae6b, 0xae, 0xe0];

function webmInfo(bytes: Buffer): MediaInfo | null {
  if (bytes.length < 16 || bytes.readUInt32BE(0) !== 0x1a45dfa3) return null;
  const length = elementAt(bytes, [SEGMENT, INFO, 0x4489]);
  const w = unsigned(bytes, elementAt(bytes, [...VIDEO, 0xb0]));
  const h = unsigned(bytes, elementAt(bytes, [...VIDEO, 0xba]));
  if (length === null || w === null || h === null) return null;
  const ticks =
    length.to - length.from === 4
      ? bytes.readFloatBE(length.from)
      : length.to - length.from === 8
        ? bytes.readDoubleBE(length.from)
        : 0;
  const nanosPerTick = unsigned(bytes, elementAt(bytes, [SEGMENT, INFO, 0x2ad7b1])) ?? 1_000_000;
  return { type: 'webm', seconds: (ticks * nanosPerTick) / 1e9, w, h };
}

/** Layer III: kbit/s by the header's index, of MPEG 1 and of MPEG 2 and 2.5. */
const kbits1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
const kbits2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];
const rates = [44_100, 48_000, 32_000, 0];

function mp3Info(bytes: Buffer): MediaInfo | null {
  let at = 0;
  if (bytes.length > 10 && bytes.toString('latin1', 0, 3) === 'ID3')
    at = 10 + [6, 7, 8, 9].reduce((size, i) => size * 128 + (bytes[i]! & 0x7f), 0);
  if (at + 48 > bytes.length) return null;
  const header = bytes.readUInt32BE(at);
  const version = (header >>> 19) & 3;
  if (header >>> 21 !== 0x7ff || version === 1 || ((header >>> 17) & 3) !== 1) return null;
  const kbits = (version === 3 ? kbits1 : kbits2)[(header >>> 12) & 15]!;
  const rate = rates[(header >>> 10) & 3]! / (version === 3 ? 1 : version === 2 ? 2 : 4);
  if (kbits === 0 || rate === 0) return null;
  const mono = ((header >>> 6) & 3) === 3;
  const tag = at + 4 + (version === 3 ? (mono ? 17 : 32) : mono ? 9 : 17);
  const counted = /^(Xing|Info)$/.test(bytes.toString('latin1', tag, tag + 4)) && ((bytes[tag + 7] ?? 0) & 1) === 1;
  // Of a constant rate the bytes tell the time; of a changing one the encoder left the number of frames.
  const seconds =
    counted && tag + 12 <= bytes.length
      ? (bytes.readUInt32BE(tag + 8) * (version === 3 ? 1152 : 576)) / rate
      : ((bytes.length - at) * 8) / (kbits * 1000);
  return { type: 'mp3', seconds, w: 0, h: 0 };
}
