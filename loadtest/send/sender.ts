import type { Clock } from '../../core/clock.ts';
import type { Outcome } from '../http/connection.ts';
import type { HttpPool } from '../http/pool.ts';
import type { HttpResponse } from '../http/response.ts';
import type { SendCounters } from './counters.ts';
import { countUp } from './counters.ts';
import type { Latencies } from './latencies.ts';
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
}

export interface SenderDeps<T> {
  readonly clock: Clock;
  readonly pool: HttpPool;
  readonly schedule: Schedule;
  readonly next: () => Shot<T>;
  /** A complete answer: returns `bid`, `no_bid`, or the reason why it is neither. Must not keep `response.body`. */
  readonly onAnswer: (response: HttpResponse, about: T, inTime: boolean) => string;
  /** The request is over, however it ended. */
  readonly onDone?: (about: T) => void;
  readonly counters: SendCounters;
  /** From intended start to complete answer or failure. */
  readonly latencies: Latencies;
  /** From intended start to the write. */
  readonly lateness: Latencies;
}

/** Sends requests at their intended times, whatever the answers do. */
export interface Sender {
  /** @param originMs the monotonic time the schedule counts from; resolves when all is answered, failed or dropped */
  run(originMs: number): Promise<void>;
  /** Plans nothing more; what is in flight is still waited for. */
  stop(): void;
}

export function createSender<T>(options: SenderOptions, deps: SenderDeps<T>): Sender {
  const { clock, pool, counters } = deps;
  /** Intended starts that wait for a connection, oldest first from `head`. */
  let waiting: number[] = [];
  let head = 0;
  let inFlight = 0;
  let stopped = false;
  let nextAt: number | null = null;
  let origin = 0;
  let finished: () => void = () => {};

  const start = (intendedMs: number, nowMs: number): boolean => {
    if (!pool.hasRoom) return false;
    const shot = deps.next();
    if (!pool.trySend(shot.bytes, (outcome) => settle(outcome, intendedMs, shot.about))) return false;
    inFlight += 1;
    counters.sent += 1;
    counters.bytesSent += shot.bytes.length;
    const lateMs = nowMs - intendedMs;
    deps.lateness.recordMs(lateMs);
    if (lateMs > options.lateMs) counters.late += 1;
    return true;
  };

  const settle = (outcome: Outcome, intendedMs: number, about: T): void => {
    inFlight -= 1;
    const tookMs = clock.monotonicMs() - intendedMs;
    // A failure counts with the time the caller waited for it: leaving it out would flatter a server that hangs.
    deps.latencies.recordMs(tookMs);
    if (outcome.kind === 'fault') countUp(counters.faults, outcome.fault);
    else {
      const inTime = tookMs <= options.tmaxMs;
      counters.answered += 1;
      counters.bytesReceived += outcome.response.head.length + outcome.response.body.length;
      if (!inTime) counters.overTmax += 1;
      const verdict = deps.onAnswer(outcome.response, about, inTime);
      if (verdict === 'bid') counters.bids += 1;
      else if (verdict === 'no_bid') counters.noBids += 1;
      else countUp(counters.invalid, verdict);
    }
    deps.onDone?.(about);
    if (inFlight === 0) maybeFinish();
  };

  /** Starts what waits, oldest first; drops what has waited too long. */
  const drain = (): void => {
    while (head < waiting.length) {
      const intended = waiting[head]!;
      const now = clock.monotonicMs();
      if (now - intended > options.maxLateMs) counters.dropped += 1;
      else if (!start(intended, now)) break;
      head += 1;
    }
    if (head > 1024 && head * 2 > waiting.length) {
      waiting = waiting.slice(head);
      head = 0;
    }
  };

  const tick = (): void => {
    const now = clock.monotonicMs();
    drain();
    while (nextAt !== null && !stopped && origin + nextAt <= now) {
      const intended = origin + nextAt;
      nextAt = deps.schedule.next();
      counters.planned += 1;
      if (head < waiting.length || !start(intended, now)) {
        if (waiting.length - head < options.maxWaiting) waiting.push(intended);
        else counters.dropped += 1;
      }
    }
    if (stopped) nextAt = null;
    if (nextAt === null && head >= waiting.length) {
      maybeFinish();
      return;
    }
    const gapMs = nextAt === null ? 1 : origin + nextAt - clock.monotonicMs();
    if (gapMs >= 1) setTimeout(tick, Math.min(50, Math.floor(gapMs)));
    else setTimeout(tick, 1);
  };

  const maybeFinish = (): void => {
    if (nextAt === null && head >= waiting.length && inFlight === 0) finished();
  };

  pool.onFree = drain;
  return {
    run(originMs) {
      origin = originMs;
      nextAt = deps.schedule.next();
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
