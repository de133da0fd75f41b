import { describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
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
    const recorders = createSelfCheckRecorders();
    const at = systemClock.monotonicMs();
    // Due at 0, written 0.5 ms later; answered by the echo at 7.5, seen at 8.
    const times = { intendedMs: at, writtenMs: at + 0.5, answeredMs: at + 8, hasWaited: false };
    for (let i = 0; i < 100; i++) recorders.onTimes(times, stamped(at + 7.5));
    const counts = recorders.take();
    expect(took(counts.startLate)).toHaveLength(100);
    expect(took(counts.startLate)[0]).toBeCloseTo(0.5, 2);
    // Readings of two clocks: to some microseconds.
    expect(took(counts.answerLate)[0]).toBeCloseTo(0.5, 1);
    expect(took(counts.added)[0]).toBeCloseTo(1, 1);
    expect(took(counts.without)[0]).toBeCloseTo(7, 1);
    expect(took(counts.worstOf100)).toHaveLength(1);
    expect(took(recorders.take().added)).toEqual([]);
  });

  it('does not let a stamp from behind the answer make anything better than it is', () => {
    const recorders = createSelfCheckRecorders();
    const at = systemClock.monotonicMs();
    recorders.onTimes({ intendedMs: at, writtenMs: at + 2, answeredMs: at + 5, hasWaited: false }, stamped(at + 50));
    expect(took(recorders.take().added)[0]).toBeCloseTo(2, 2);
  });
});
