import { openSync, readSync } from 'node:fs';
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

/**
 * Reads the times of the thread that calls this, as Linux keeps them (`/proc/thread-self/schedstat`).
 * @returns null where the system does not tell
 */
export function createCoreWatch(): (() => CoreTimes) | null {
  let file: number;
  try {
    file = openSync('/proc/thread-self/schedstat', 'r');
  } catch {
    return null;
  }
  const buffer = Buffer.alloc(96);
  return () => {
    // First: it brings the thread's own account up to date.
    const { user, system } = process.cpuUsage();
    const [ranNs, waitedNs] = buffer.latin1Slice(0, readSync(file, buffer, 0, 96, 0)).split(' ');
    return { waitedMs: Number(waitedNs) / 1e6, ranMs: Number(ranNs) / 1e6, processRanMs: (user + system) / 1000 };
  };
}

/**
 * How long other programs had the core between two readings, while the thread was ready to run. What other threads of this
 * process ran meanwhile is taken off, because on a core of one's own they are who it waited for: that is no excuse.
 */
export function takenMs(before: CoreTimes, after: CoreTimes): number {
  const othersMs = after.processRanMs - before.processRanMs - (after.ranMs - before.ranMs);
  return Math.max(0, after.waitedMs - before.waitedMs - Math.max(0, othersMs));
}

/** How old the sum may be, ms: reading the times costs some microseconds. */
const LOOK_AGAIN_MS = 1;

/** The sum of `takenMs` since this was made; always 0 where the system does not tell. */
export function createTakenSum(times: (() => CoreTimes) | null, clock: Clock): () => number {
  let last = times?.() ?? null;
  let nextMs = 0;
  let sumMs = 0;
  return () => {
    const nowMs = clock.monotonicMs();
    if (times === null || last === null || nowMs < nextMs) return sumMs;
    const now = times();
    sumMs += takenMs(last, now);
    last = now;
    nextMs = nowMs + LOOK_AGAIN_MS;
    return sumMs;
  };
}
