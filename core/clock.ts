import { performance } from 'node:perf_hooks';

/** Time as a port, so that a test or a simulation can own it. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. */
  nowMs(): number;
  /** Monotonic clock, milliseconds with a fraction, from an arbitrary start. For durations only. */
  monotonicMs(): number;
}

/** The machine's clock: the only place in the product that reads it. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** A clock that moves only when told to. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
  set(ms: number): void;
}

/** @param startMs the wall-clock time it starts at */
export function manualClock(startMs: number): ManualClock {
  let now = startMs;
  let monotonic = 0;
  return {
    nowMs: () => now,
    monotonicMs: () => monotonic,
    advance(ms) {
      now += ms;
      monotonic += ms;
    },
    set(ms) {
      monotonic += Math.max(0, ms - now);
      now = ms;
    },
  };
}

/**
 * A wall clock that runs `scale` times as fast as the machine's, so that a day can be rehearsed in minutes with every
 * real process. At the machine's time `originMs` both show the same. Durations (`monotonicMs`) stay real.
 */
export function scaledClock(originMs: number, scale: number): Clock {
  return {
    nowMs: () => Math.floor(originMs + (systemClock.nowMs() - originMs) * scale),
    monotonicMs: systemClock.monotonicMs,
  };
}

/** The machine's clock, or the scaled one of a rehearsal: threads get numbers, not functions. */
export function clockOf(time: { readonly scale: number; readonly originMs: number }): Clock {
  return time.scale === 1 ? systemClock : scaledClock(time.originMs, time.scale);
}
