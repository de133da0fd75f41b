import type { Clock } from '../../core/clock.ts';

const TICK_MS = 10;

/**
 * The longest a thread takes up requests in one turn of its loop. What is read later in the turn has waited at least as
 * long, and what arrives meanwhile waits for the whole turn: with this limit a bid that is made at all is made in time.
 */
const MAX_TURN_MS = 12;

/** Knows when this thread is late: then work waits in the sockets, and answering it would come too late. */
export interface LoopWatch {
  /** Whether the request that is taken up now has waited too long. @param nowMs monotonic */
  isLate(nowMs: number): boolean;
  stop(): void;
}

/** @param maxLagMs how late the loop may be when it comes round */
export function watchLoop(clock: Clock, maxLagMs: number): LoopWatch {
  let dueMs = clock.monotonicMs() + TICK_MS;
  let late = false;
  let inTurn = false;
  let turnMs = 0;
  const timer = setInterval(() => {
    const nowMs = clock.monotonicMs();
    late = nowMs - dueMs > maxLagMs;
    dueMs = nowMs + TICK_MS;
  }, TICK_MS);
  const endTurn = (): void => {
    inTurn = false;
  };
  return {
    isLate(nowMs) {
      if (!inTurn) {
        inTurn = true;
        turnMs = nowMs;
        setImmediate(endTurn);
      }
      return late || nowMs - turnMs > MAX_TURN_MS;
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
