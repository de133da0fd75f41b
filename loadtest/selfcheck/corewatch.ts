import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { Clock } from '../../core/clock.ts';

/** What the system has counted for this thread and its process so far, ms. */
export interface CoreTimes {
  /** The thread was ready to run, and something else had its core. */
  readonly waitedMs: number;
  /** The thread ran. */
  readonly ranMs: number;
  /** All threads of this process ran, dead ones too. */
  readonly processRanMs: number;
}

/** The times of the thread that calls this, as Linux keeps them; null where the system does not tell. Costs some microseconds. */
export function coreTimes(): CoreTimes | null {
  // First: it brings the thread's own account up to date.
  const { user, system } = process.cpuUsage();
  try {
    const [ranNs, waitedNs] = readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ');
    return { waitedMs: Number(waitedNs) / 1e6, ranMs: Number(ranNs) / 1e6, processRanMs: (user + system) / 1000 };
  } catch {
    return null;
  }
}

/**
 * How long other programs had the core between two readings, while the thread was ready to run. What other threads of this
 * process ran meanwhile is taken off, because on a core of one's own they are who it waited for: that is no excuse.
 */
export function takenMs(before: CoreTimes, after: CoreTimes): number {
  const othersMs = after.processRanMs - before.processRanMs - (after.ranMs - before.ranMs);
  return Math.max(0, after.waitedMs - before.waitedMs - Math.max(0, othersMs));
}

/** How old the sum may be, ms. */
const LOOK_AGAIN_MS = 2;

/** The sum of `takenMs` since this was made, for the thread that asks; always 0 where the system does not tell. */
export function createTakenSum(clock: Clock, times: () => CoreTimes | null = coreTimes): () => number {
  let last = times();
  let nextMs = 0;
  let sumMs = 0;
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs < nextMs) return sumMs;
    const now = times();
    if (last !== null && now !== null) sumMs += takenMs(last, now);
    last = now;
    nextMs = nowMs + LOOK_AGAIN_MS;
    return sumMs;
  };
}
