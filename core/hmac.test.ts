import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHmacSha256, HMAC_ROOM_BYTES } from './hmac.ts';
import { finishSha256, newSha256State, writeSha256 } from './sha256.ts';

describe('SHA-256 and HMAC on the bid path', () => {
  it('hash as node:crypto does, at every length around block ends', () => {
    for (let length = 0; length <= 200; length++) {
      const message = Buffer.from(Array.from({ length }, (_, i) => (i * 31 + length) & 0xff));
      const room = Buffer.concat([message, Buffer.alloc(HMAC_ROOM_BYTES, 0xaa)]);
      const state = newSha256State();
      finishSha256(state, room, 0, length, 0);
      const digest = Buffer.alloc(32);
      writeSha256(state, 8, digest, 0);
      expect(digest.toString('hex')).toBe(createHash('sha256').update(message).digest('hex'));
    }
  });

  it('sign as node:crypto does, for any key and message, again and again with one signer', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 130 }),
        fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 4 }),
        (key, messages) => {
          const hmac = createHmacSha256(key);
          for (const message of messages) {
            const room = new Uint8Array(message.length + HMAC_ROOM_BYTES).fill(0xaa);
            room.set(message);
            const digest = Buffer.alloc(32);
            hmac.sign(room, message.length, 8, digest, 0);
            expect(digest.toString('hex')).toBe(createHmac('sha256', key).update(message).digest('hex'));
          }
        },
      ),
    );
  });

  // RFC 4231, test cases 1, 2 and 6 (a key longer than a block).
  it.each([
    ['0b'.repeat(20), '4869205468657265', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [
      '4a656665',
      '7768617420646f2079612077616e7420666f72206e6f7468696e673f',
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    [
      'aa'.repeat(131),
      '54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374',
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
  ])('gives the published digest %#', (key, message, expected) => {
    const bytes = Buffer.from(message, 'hex');
    const digest = Buffer.alloc(32);
    const room = Buffer.concat([bytes, Buffer.alloc(HMAC_ROOM_BYTES)]);
    createHmacSha256(Buffer.from(key, 'hex')).sign(room, bytes.length, 8, digest, 0);
    expect(digest.toString('hex')).toBe(expected);
  });
});
