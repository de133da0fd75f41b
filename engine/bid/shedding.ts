import type { Clock } from '../../core/clock.ts';
import type { ExchangeProfile } from '../config.ts';

const TICK_MS = 10;

/**
 * The longest a thread takes up requests in one turn of its loop, as a share of the lag it may have: 12.5 ms usually.
 * What is read later in the turn has waited at least as long, and what arrives meanwhile waits for the whole turn: with
 * this limit a bid that is made at all is made in time.
 */
const TURN_SHARE = 0.25;

/** Knows when this thread is late: then work waits in the sockets, and answering it would come too late. */
export interface LoopWatch {
  /** Whether the request that is taken up now has waited too long. @param nowMs monotonic */
  isLate(nowMs: number): boolean;
  /** @param ms how late the loop may be from now on */
  setMaxLag(ms: number): void;
  stop(): void;
}

/** @param maxLagMs how late the loop may be when it comes round */
export function watchLoop(clock: Clock, maxLagMs: number): LoopWatch {
  const maxTurnMs = maxLagMs * TURN_SHARE;
  let dueMs = clock.monotonicMs() + TICK_MS;
  let late = false;
  let inTurn = false;
  let turnMs = 0;
  let limitMs = maxLagMs;
  const timer = setInterval(() => {
    const nowMs = clock.monotonicMs();
    late = nowMs - dueMs > limitMs;
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
      return late || nowMs - turnMs > maxTurnMs;
    },
    setMaxLag(ms) {
      limitMs = ms;
    },
    stop: () => clearInterval(timer),
  };
}

/**
 * Counts requests against each profile's limit per second.
 * @param threads how many share a limit
 * @returns whether one more request is within it
 */
export function createRateLimits(threads: number): (profile: ExchangeProfile, nowMs: number) => boolean {
  const used = new Map<string, { second: number; count: number }>();
  return ({ name, qpsLimit }, nowMs) => {
    if (qpsLimit <= 0) return true;
    const second = Math.floor(nowMs / 1000);
    let found = used.get(name);
    if (found === undefined) {
      found = { second, count: 0 };
      used.set(name, found);
    }
    if (found.second !== second) {
      found.second = second;
      found.count = 0;
    }
    return ++found.count <= Math.ceil(qpsLimit / threads);
  };
}
