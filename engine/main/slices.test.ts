import { describe, expect, it } from 'vitest';
import { inSlices } from './slices.ts';

/** Every look at the clock is 0.1 ms later. */
function slowClock(): () => number {
  let ms = 0;
  return () => {
    ms += 0.1;
    return ms;
  };
}

describe('work in slices', () => {
  it('keeps the order and lets others run in between', async () => {
    const done: number[] = [];
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const items = Array.from({ length: 40 }, (_, i) => i);
    await inSlices(
      items,
      () => true,
      slowClock(),
      (item) => done.push(item),
    );
    clearInterval(timer);
    expect(done).toEqual(items);
    expect(turns).toBeGreaterThanOrEqual(4);
  });

  it('takes everything at once while nobody waits', () => {
    const done: number[] = [];
    void inSlices(
      [1, 2, 3, 4, 5, 6, 7, 8],
      () => false,
      slowClock(),
      (item) => done.push(item),
    );
    expect(done).toHaveLength(8);
  });

  it('fails as the item fails that can not be taken', async () => {
    const failing = inSlices(
      [1],
      () => true,
      slowClock(),
      () => {
        throw new Error('broken');
      },
    );
    await expect(failing).rejects.toThrow('broken');
  });
});
