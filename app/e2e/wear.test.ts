import { expect, it } from 'vitest';
import { type Holding, wearOf } from './wear.case.ts';

const holding = (part: Partial<Holding>): Holding => ({
  rssMb: 200,
  ownMb: 100,
  heapMb: 50,
  files: 60,
  handles: 20,
  ...part,
});

it('calls a process flat that comes and goes, and names what a leaking one holds more and more of', () => {
  const wave = Array.from({ length: 90 }, (_, i) =>
    holding({ rssMb: 200 + i, ownMb: 100 + 15 * Math.sin(i), heapMb: 50 + 20 * Math.cos(i) }),
  );
  expect(wearOf(wave)?.grown).toEqual([]);
  const leak = wave.map((one, i) => ({ ...one, heapMb: one.heapMb + i, files: one.files + i }));
  expect(wearOf(leak)?.grown).toEqual(['heapMb', 'files']);
  expect(wearOf(wave.slice(0, 20)), 'too short a life').toBeNull();
});
