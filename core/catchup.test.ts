import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCatchUp } from './catchup.ts';

const bounds = [
  { partition: 0, first: 3, end: 10 },
  { partition: 1, first: 0, end: 2 },
  { partition: 2, first: 7, end: 7 },
];

describe('catching up with a topic', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is done when every partition has been read to where it ended', async () => {
    const catchUp = createCatchUp(bounds);
    const waiting = catchUp.wait();
    catchUp.read(1, 5);
    catchUp.read(0, 9);
    expect(catchUp.isDone()).toBe(false);
    catchUp.read(0, 10);
    expect(catchUp.isDone()).toBe(true);
    await waiting;
  });

  it('is done at once when there is nothing to read, or it was read before anybody waited', async () => {
    await createCatchUp([bounds[2]!]).wait();
    const catchUp = createCatchUp(bounds);
    catchUp.read(0, 10);
    catchUp.read(1, 2);
    await catchUp.wait();
  });

  it('is done when nothing came for a while: the last record was a deletion that is gone', async () => {
    const catchUp = createCatchUp(bounds, 1000);
    vi.advanceTimersByTime(5000);
    const waiting = catchUp.wait();
    vi.advanceTimersByTime(9000);
    expect(catchUp.isDone(), 'quiet begins with the first record').toBe(false);
    catchUp.read(0, 9);
    vi.advanceTimersByTime(900);
    catchUp.read(1, 1);
    vi.advanceTimersByTime(900);
    expect(catchUp.isDone()).toBe(false);
    vi.advanceTimersByTime(100);
    expect(catchUp.isDone()).toBe(true);
    await waiting;
  });

  it('is done when nothing came at all for long: all that was there is gone', async () => {
    const catchUp = createCatchUp(bounds);
    const waiting = catchUp.wait();
    vi.advanceTimersByTime(9_999);
    expect(catchUp.isDone()).toBe(false);
    vi.advanceTimersByTime(1);
    expect(catchUp.isDone()).toBe(true);
    await waiting;
  });

  it('waits no longer once it is stopped', () => {
    const catchUp = createCatchUp(bounds);
    void catchUp.wait();
    catchUp.stop();
    vi.advanceTimersByTime(50_000);
    expect(catchUp.isDone()).toBe(false);
  });
});
