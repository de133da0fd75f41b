import { platform } from 'node:process';
import { describe, expect, it } from 'vitest';
import { manualClock, systemClock } from '../../core/clock.ts';
import { coreTimes, createTakenSum, takenMs } from './corewatch.ts';
import { createSelfCheckRecorders, machineOffsetMs } from './stamp.ts';

/** An answer as the echo writes it. */
function stamped(sentMs: number) {
  const sentUs = Math.round((sentMs + machineOffsetMs(systemClock)) * 1000);
  return {
    status: 204,
    head: `http/1.1 204 no content\r\nx-sent-us: ${sentUs}\r\n`,
    body: Buffer.alloc(0),
    keepAlive: true,
  };
}

const took = ({ values, counts }: { values: Uint32Array; counts: Uint32Array }): number[] =>
  [...values].flatMap((value, i) => Array<number>(counts[i]!).fill(value / 1000));

describe('a self-check', () => {
  it('tells what the sender added from what the server took', () => {
    const recorders = createSelfCheckRecorders(() => 0);
    const at = systemClock.monotonicMs();
    // Due at 0, written 0.5 ms later; answered by the echo at 7.5, seen at 8.
    const times = { intendedMs: at, writtenMs: at + 0.5, answeredMs: at + 8, hasWaited: false };
    for (let i = 0; i < 100; i++) recorders.onTimes(times, stamped(at + 7.5), 1);
    const counts = recorders.take(1);
    expect(took(counts.startLate)).toHaveLength(100);
    expect(took(counts.startLate)[0]).toBeCloseTo(0.5, 2);
    // Readings of two clocks: to some microseconds.
    expect(took(counts.answerLate)[0]).toBeCloseTo(0.5, 1);
    expect(took(counts.added)[0]).toBeCloseTo(1, 1);
    expect(took(counts.without)[0]).toBeCloseTo(7, 1);
    expect(took(recorders.take(1).added)).toEqual([]);
  });

  it('tells what it added itself from what it added while another program had its core', () => {
    // Requests answered every 10 ms. From 100 to 140 ms another program had the core for 5 ms, and in that time and the stretch
    // after it each request took 4 ms; at 300 ms the sender itself stopped for 3 ms.
    let waitedMs = 0;
    const recorders = createSelfCheckRecorders(() => waitedMs);
    const origin = systemClock.monotonicMs();
    for (let atMs = 0; atMs <= 500; atMs += 10) {
      if (atMs === 120) waitedMs = 5;
      const lateMs = atMs >= 100 && atMs < 140 ? 4 : atMs === 300 ? 3 : 0.05;
      const answeredMs = origin + atMs;
      const intendedMs = answeredMs - lateMs;
      recorders.onTimes({ intendedMs, writtenMs: answeredMs, answeredMs, hasWaited: false }, stamped(answeredMs), 1);
    }
    const counts = recorders.take(1);
    const most = (name: 'added' | 'undisturbed'): number => Math.max(...took(counts[name]));
    expect(most('added')).toBeCloseTo(4, 1);
    expect(most('undisturbed')).toBeCloseTo(3, 1);
    const of = took(counts.undisturbed).length / took(counts.added).length;
    expect(of).toBeGreaterThan(0.7);
    expect(of).toBeLessThan(0.95);
  });

  it('does not let a stamp from behind the answer make anything better than it is', () => {
    const recorders = createSelfCheckRecorders(() => 0);
    const at = systemClock.monotonicMs();
    recorders.onTimes({ intendedMs: at, writtenMs: at + 2, answeredMs: at + 5, hasWaited: false }, stamped(at + 50), 1);
    expect(took(recorders.take(1).added)[0]).toBeCloseTo(2, 2);
  });
});

describe('the time that others had the core', () => {
  const at = (waitedMs: number, ranMs: number, processRanMs: number) => ({ waitedMs, ranMs, processRanMs });

  it('is the time waited for it, without what other threads of the same process ran', () => {
    expect(takenMs(at(10, 100, 150), at(14, 116, 166))).toBe(4);
    expect(takenMs(at(10, 100, 150), at(14, 116, 169))).toBe(1);
    expect(takenMs(at(10, 100, 150), at(14, 116, 180))).toBe(0);
    // The process' own account can lag behind its thread's.
    expect(takenMs(at(10, 100, 150), at(14, 116, 160))).toBe(4);
  });

  it('add up', () => {
    const clock = manualClock(0);
    const readings = [at(1, 10, 10), at(3, 20, 20), null, at(9, 30, 30), at(10, 40, 40)];
    const taken = createTakenSum(clock, () => readings.shift() ?? null);
    const sums = Array.from({ length: 4 }, () => {
      const sum = [taken(), taken()];
      clock.advance(10);
      return sum;
    });
    expect(sums).toEqual([
      [2, 2],
      [2, 2],
      [2, 2],
      [3, 3],
    ]);
  });

  it.runIf(platform === 'linux')('is told by the system for the thread that asks', async () => {
    const before = coreTimes()!;
    const untilMs = systemClock.monotonicMs() + 50;
    while (systemClock.monotonicMs() < untilMs);
    const after = coreTimes()!;
    expect(after.ranMs - before.ranMs + after.waitedMs - before.waitedMs).toBeGreaterThan(40);
    expect(after.processRanMs).toBeGreaterThanOrEqual(after.ranMs);
  });
});
