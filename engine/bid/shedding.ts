import type { Clock } from '../../core/clock.ts';

const TICK_MS = 10;

/** Knows when this thread's event loop is late: then work waits in the sockets, and answering it would come too late. */
export interface LoopWatch {
  /** The loop was later than the limit when it last came round. */
  readonly late: boolean;
  stop(): void;
}

/** @param maxLagMs how late the loop may be */
export function watchLoop(clock: Clock, maxLagMs: number): LoopWatch {
  let dueMs = clock.monotonicMs() + TICK_MS;
  let late = false;
  const timer = setInterval(() => {
    const nowMs = clock.monotonicMs();
    late = nowMs - dueMs > maxLagMs;
    dueMs = nowMs + TICK_MS;
  }, TICK_MS);
  return {
    get late() {
      return late;
    },
    stop: () => clearInterval(timer),
  };
}

/** Counts requests against a limit per second. @param perSecond 0: no limit */
export function createRateLimit(perSecond: number): (nowMs: number) => boolean {
  if (perSecond <= 0) return () => true;
  let second = -1;
  let used = 0;
  return (nowMs) => {
    const now = Math.floor(nowMs / 1000);
    if (now !== second) {
      second = now;
      used = 0;
    }
    return ++used <= perSecond;
  };
}
