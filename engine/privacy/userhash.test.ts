import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256OneBlock } from './sha256.ts';
import { createUserHasher, readUserHex, userHex } from './userhash.ts';
import { sourceSha256 } from './userlanes.wasm.ts';

const out = new Uint32Array(2);
const sha = (bytes: Uint8Array | string): Buffer => createHash('sha256').update(bytes).digest();

describe('SHA-256 of one block', () => {
  it('equals node:crypto', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 55 }), (message) => {
        const block = new Uint8Array(64).fill(0xff);
        block.set(message);
        const digest = new Int32Array(8);
        sha256OneBlock(block, message.length, digest);
        const bytes = Buffer.alloc(32);
        digest.forEach((word, i) => {
          bytes.writeInt32BE(word, i * 4);
        });
        expect(bytes.toString('hex')).toBe(sha(message).toString('hex'));
      }),
      { numRuns: 300 },
    );
  });
});

describe('the user hash', () => {
  const hasher = createUserHasher('a salt of at least sixteen bytes');

  it('is the same from bytes as from a text', () => {
    const ids = fc.oneof(
      fc.string({ unit: 'binary-ascii', maxLength: 55 }),
      fc.stringMatching(/^[ \t]{0,3}[0-]{0,40}[ \n]{0,3}$/),
      fc.uuid().map((id) => ` ${id.toUpperCase()}`),
    );
    fc.assert(
      fc.property(ids, (id) => {
        const [fromText, fromBytes] = [new Uint32Array(2), new Uint32Array(2)];
        const known = hasher.hashId(id, fromText);
        const length = Buffer.from(hasher.block.buffer, hasher.block.byteOffset).latin1Write(id, 0);
        expect(hasher.hashBlock(length, fromBytes)).toBe(known);
        expect(fromBytes).toEqual(fromText);
      }),
    );
  });

  it('is the same of many together, now and by the salt before', () => {
    const salts = { current: 'a salt of at least sixteen bytes', before: 'the salt that was before that' };
    const [together, alone] = [createUserHasher(salts), createUserHasher(salts)];
    const id = fc.oneof(fc.string({ unit: 'binary-ascii', maxLength: 55 }), fc.uuid(), fc.constant('0-0'));
    fc.assert(
      fc.property(fc.array(id, { maxLength: together.lanes.length }), (ids) => {
        const named = ids.filter((text) => alone.hashId(text, out));
        let lane = 0;
        for (const text of ids) {
          const bytes = Buffer.from(text, 'latin1');
          together.lanes[lane]!.set(bytes);
          if (together.keepLane(lane, bytes.length)) lane++;
        }
        expect(lane).toBe(named.length);
        together.hashLanes(lane);
        named.forEach((text, i) => {
          const [now, then, expected] = [new Uint32Array(2), new Uint32Array(2), new Uint32Array(2)];
          together.readLane(i, now);
          expect(together.hashBefore(then)).toBe(true);
          alone.hashId(text, expected);
          expect(now).toEqual(expected);
          alone.hashBefore(expected);
          expect(then).toEqual(expected);
        });
      }),
    );
  });

  it('is made by what is compiled from the present source (else: npm run generate)', () => {
    const source = readFileSync(new URL('./userlanes.as', import.meta.url));
    expect(createHash('sha256').update(source).digest('hex')).toBe(sourceSha256);
  });

  it('is written as hex digits', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(0xffffffff), (hi, lo) => {
        const digits = (word: number) => word.toString(16).padStart(8, '0');
        expect(userHex(hi, lo)).toBe(digits(hi) + digits(lo));
      }),
    );
  });

  it('is the same from the raw id and from its uploaded SHA-256', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 80 }), (id) => {
        const raw = new Uint32Array(2);
        if (!hasher.hashId(id, raw)) return;
        hasher.hashDigest(sha(id.trim().toLowerCase()), 0, out);
        expect([...raw]).toEqual([...out]);
        expect(raw[0] !== 0 || raw[1] !== 0).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('is salted, ignores case and surrounding space, and survives hex', () => {
    const other = new Uint32Array(2);
    hasher.hashId('6D92078A-8246-4BA4-AE5B-76104861E7DC', out);
    hasher.hashId(' 6d92078a-8246-4ba4-ae5b-76104861e7dc ', other);
    expect([...other]).toEqual([...out]);
    const hex = userHex(out[0]!, out[1]!);
    expect(hex).toMatch(/^[0-9a-f]{16}$/);
    expect(readUserHex(hex, other)).toBe(true);
    expect([...other]).toEqual([...out]);
    createUserHasher('another salt, also long enough').hashId('6d92078a-8246-4ba4-ae5b-76104861e7dc', other);
    expect([...other]).not.toEqual([...out]);
  });

  it.each(['', '   ', '00000000-0000-0000-0000-000000000000', '0'])('names nobody: "%s"', (id) => {
    expect(hasher.hashId(id, out)).toBe(false);
    expect([...out]).toEqual([0, 0]);
  });

  it('refuses a short salt', () => {
    expect(() => createUserHasher('short')).toThrow(/shorter than 16/);
  });
});
