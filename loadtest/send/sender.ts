import type { Clock } from '../../core/clock.ts';
import type { Outcome } from '../http/connection.ts';
import type { HttpPool } from '../http/pool.ts';
import type { HttpResponse } from '../http/response.ts';
import type { Account, RequestTimes } from './book.ts';
import { createBook } from './book.ts';
import { LOOK_EVERY_MS, nap, napPrecisely } from './nap.ts';
import type { Schedule } from './schedule.ts';

/** One request ready to go: the whole HTTP message, and whatever `onAnswer` needs to know about it. */
export interface Shot<T> {
  readonly bytes: Buffer;
  readonly about: T;
}

export interface SenderOptions {
  /** A request not started this long after its intended start is dropped, ms. */
  readonly maxLateMs: number;
  /** A start later than this is counted as late, ms. */
  readonly lateMs: number;
  /** Answers later than this are too late for the auction, ms. */
  readonly tmaxMs: number;
  /** Requests that may wait for a connection. */
  readonly maxWaiting: number;
  /**
   * `timer` sleeps between requests, wakes for answers, and starts requests up to about 1.5 ms late; `precise` looks at its
   * clock and its sockets every 0.05 ms, which takes most of a core.
   */
  readonly pace: 'timer' | 'precise';
  /** Requests intended before this are sent but not counted, ms from the beginning. */
  readonly warmupMs: number;
}

export interface SenderDeps<T> {
  readonly clock: Clock;
  readonly pool: HttpPool;
  readonly schedule: Schedule;
  readonly next: () => Shot<T>;
  /** A complete answer: returns `bid`, `no_bid` or `no_bid:REASON`, or the reason why it is neither. Must not keep `response.body`. */
  readonly onAnswer: (response: HttpResponse, about: T, inTime: boolean) => string;
  /** The request is over, however it ended. */
  readonly onDone?: (about: T) => void;
  /** What is measured. */
  readonly account: Account;
  /** The same of the warm-up: kept so that it costs the same, and told to nobody. */
  readonly warmup: Account;
  /**
   * Told the times of every answer whose request had a connection at once, before `onAnswer`.
   * @param kind 0 for the warm-up, 1 for what is measured
   */
  readonly onTimes?: (times: RequestTimes, response: HttpResponse, kind: 0 | 1) => void;
}

/** Sends requests at their intended times, whatever the answers do. */
export interface Sender {
  /** @param originMs the monotonic time the schedule counts from; resolves when all is answered, failed or dropped */
  run(originMs: number): Promise<void>;
  /** Plans nothing more; what is in flight is still waited for. */
  stop(): void;
}

const PRECISE_GAP_MS = 2;
const LOOK_EVERY_IDLE_MS = 0.5;

export function createSender<T>(options: SenderOptions, deps: SenderDeps<T>): Sender {
  const { clock, pool } = deps;
  const book = createBook(options, deps);
  /** Intended starts that wait for a connection, oldest first from `head`. */
  let waiting: number[] = [];
  let head = 0;
  let inFlight = 0;
  let stopped = false;
  let nextAt: number | null = null;
  let origin = 0;
  let finished: () => void = () => {};

  /** @returns when it was written, -1 when there is no connection for it */
  const start = (intendedMs: number, hasWaited: boolean): number => {
    if (!pool.hasRoom) return -1;
    const shot = deps.next();
    const times: RequestTimes = { intendedMs, writtenMs: Number.NaN, answeredMs: Number.NaN, hasWaited };
    if (!pool.trySend(shot.bytes, (outcome) => settle(outcome, times, shot.about))) return -1;
    inFlight += 1;
    const writtenMs = clock.monotonicMs();
    times.writtenMs = writtenMs;
    book.sent(intendedMs - origin, writtenMs - intendedMs, shot.bytes.length);
    return writtenMs;
  };

  const settle = (outcome: Outcome, times: RequestTimes, about: T): void => {
    inFlight -= 1;
    times.answeredMs = clock.monotonicMs();
    book.settled(outcome, times, origin, about);
    deps.onDone?.(about);
    if (inFlight === 0) maybeFinish();
  };

  /** Starts what waits, oldest first; drops what has waited too long. */
  const drain = (): void => {
    while (head < waiting.length) {
      const intended = waiting[head]!;
      if (clock.monotonicMs() - intended > options.maxLateMs) book.dropped(intended - origin);
      else if (start(intended, true) < 0) break;
      head += 1;
    }
    if (head > 1024 && head * 2 > waiting.length) {
      waiting = waiting.slice(head);
      head = 0;
    }
  };

  /** Starts everything whose time has come. */
  const startDue = (): void => {
    drain();
    // What falls due meanwhile waits for the next turn, so that answers are read in between.
    const dueMs = clock.monotonicMs();
    let now = dueMs;
    while (nextAt !== null && !stopped && origin + nextAt <= dueMs) {
      const intended = origin + nextAt;
      nextAt = deps.schedule.next();
      const writtenMs = head < waiting.length ? -1 : start(intended, false);
      // Each start takes its time: the next one must not be measured by the clock of the first.
      if (writtenMs >= 0) now = writtenMs;
      book.planned(intended - origin, now - intended);
      if (writtenMs >= 0) continue;
      if (waiting.length - head < options.maxWaiting) waiting.push(intended);
      else book.dropped(intended - origin);
    }
    if (stopped) nextAt = null;
  };

  const tick = (): void => {
    startDue();
    if (nextAt === null && head >= waiting.length) {
      maybeFinish();
      return;
    }
    const gapMs = nextAt === null ? 1 : origin + nextAt - clock.monotonicMs();
    if (options.pace === 'precise' && gapMs < PRECISE_GAP_MS) {
      if (gapMs > 0) nap(Math.min(gapMs, inFlight > 0 ? LOOK_EVERY_MS : LOOK_EVERY_IDLE_MS));
      startDue();
      setImmediate(tick);
    } else setTimeout(tick, Math.max(1, Math.min(50, Math.floor(gapMs))));
  };

  const maybeFinish = (): void => {
    if (nextAt === null && head >= waiting.length && inFlight === 0) finished();
  };

  pool.onFree = startDue;
  return {
    run(originMs) {
      origin = originMs;
      nextAt = deps.schedule.next();
      if (options.pace === 'precise') napPrecisely();
      return new Promise((resolve) => {
        finished = resolve;
        tick();
      });
    },
    stop() {
      stopped = true;
    },
  };
}
