/** What the first bytes of an image say. Pixels. */
export interface ImageInfo {
  readonly type: 'png' | 'jpg' | 'gif' | 'webp';
  readonly w: number;
  readonly h: number;
}

export const imageMimes = { png: 'image/png', jpg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp' } as const;

/** Reads kind and size from the bytes themselves, whatever the file is called; null when it is none of these. */
export function imageInfo(bytes: Buffer): ImageInfo | null {
  if (bytes.length < 30) return null;
  const found = pngInfo(bytes) ?? gifInfo(bytes) ?? webpInfo(bytes) ?? jpegInfo(bytes);
  return found !== null && found.w > 0 && found.h > 0 ? found : null;
}

function pngInfo(bytes: Buffer): ImageInfo | null {
  if (bytes.toString('latin1', 0, 8) !== '\x89PNG\r\n\x1a\n' || bytes.toString('latin1', 12, 16) !== 'IHDR')
    return null;
  return { type: 'png', w: bytes.readUInt32BE(16), h: bytes.readUInt32BE(20) };
}

function gifInfo(bytes: Buffer): ImageInfo | null {
  if (!/^GIF8[79]a$/.test(bytes.toString('latin1', 0, 6))) return null;
  return { type: 'gif', w: bytes.readUInt16LE(6), h: bytes.readUInt16LE(8) };
}

/** RIFF container: VP8 (lossy), VP8L (lossless) or VP8X (extended) says the size, each in its own way. */
function webpInfo(bytes: Buffer): ImageInfo | null {
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WEBP') return null;
  const chunk = bytes.toString('latin1', 12, 16);
  if (chunk === 'VP8X') return { type: 'webp', w: bytes.readUIntLE(24, 3) + 1, h: bytes.readUIntLE(27, 3) + 1 };
  if (chunk === 'VP8 ') return { type: 'webp', w: bytes.readUInt16LE(26) & 0x3fff, h: bytes.readUInt16LE(28) & 0x3fff };
  if (chunk !== 'VP8L') return null;
  const bits = bytes.readUInt32LE(21);
  return { type: 'webp', w: (bits & 0x3fff) + 1, h: ((bits >>> 14) & 0x3fff) + 1 };
}

/** Walks the segments up to a start of frame (any coding but the tables that share its range). */
function jpegInfo(bytes: Buffer): ImageInfo | null {
  if (bytes.readUInt16BE(0) !== 0xffd8) return null;
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { type: 'jpg', w: bytes.readUInt16BE(at + 7), h: bytes.readUInt16BE(at + 5) };
    at += 2 + Math.max(2, bytes.readUInt16BE(at + 2));
  }
  return null;
}
