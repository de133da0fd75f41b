import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSharedRing, readRing, refusedRecords, ringWriter } from './ring.ts';

describe('the shared ring', () => {
  it('gives back every accepted record once, in order, across any number of wraps, and refuses what does not fit', () => {
    const steps = fc.array(fc.oneof(fc.nat(300), fc.constant('read' as const)), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(steps, fc.nat(), (todo, seed) => {
        const ring = createSharedRing(1024);
        // Positions are counted modulo 2^32: start near the end of it.
        const start = -(seed % 4096) & ~3;
        ring.header[0] = start;
        ring.header[1] = start;
        const writer = ringWriter(ring);
        const reader = Buffer.from(ring.data);
        const expected: string[] = [];
        const seen: string[] = [];
        let refused = 0;
        const readAll = () =>
          readRing(ring, reader, 1000, (bytes, from, to) => seen.push(bytes.toString('latin1', from, to)));
        todo.forEach((step, i) => {
          if (step === 'read') {
            readAll();
            return;
          }
          const text = `${i}:`.padEnd(step, 'x');
          const at = writer.open(text.length + 8);
          if (at < 0) {
            refused++;
            return;
          }
          writer.commit(at, at + writer.buffer.write(text, at, 'latin1'));
          expected.push(text);
        });
        readAll();
        expect(seen).toEqual(expected);
        expect(refusedRecords(ring)).toBe(refused);
      }),
    );
  });

  it('reads at most as many as asked', () => {
    const ring = createSharedRing(1024);
    const writer = ringWriter(ring);
    for (let i = 0; i < 5; i++) {
      const at = writer.open(4);
      writer.commit(at, at + 1);
    }
    const reader = Buffer.from(ring.data);
    expect(readRing(ring, reader, 3, () => {})).toBe(3);
    expect(readRing(ring, reader, 3, () => {})).toBe(2);
  });

  it('wants a power of two', () => {
    expect(() => createSharedRing(1000)).toThrow(RangeError);
  });
});
