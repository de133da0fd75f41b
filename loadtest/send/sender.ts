import type { Clock } from '../../core/clock.ts';
import type { Outcome } from '../http/connection.ts';
import type { HttpPool } from '../http/pool.ts';
import type { HttpResponse } from '../http/response.ts';
import type { SendCounters } from './counters.ts';
import { countUp, newCounters } from './counters.ts';
import type { Recorder } from './recorder.ts';
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
   * `timer` sleeps between requests and starts them up to about 1.5 ms late; `precise` never sleeps when the next one
   * is less than 2 ms away, and so takes a whole core.
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
  readonly counters: SendCounters;
  /** From intended start to complete answer or failure. */
  readonly latencies: Recorder;
  /**
   * The sender's own lateness, not the server's: from intended start until the request was written, or, where there was
   * no connection for it, until the sender turned to it.
   */
  readonly lateness: Recorder;
  /** Told the times of every answer that is counted and whose request had a connection at once, before `onAnswer`. */
  readonly onTimes?: (times: RequestTimes, response: HttpResponse) => void;
}

/** When the things of one request happened that the sender sees, monotonic ms. */
export interface RequestTimes {
  readonly intendedMs: number;
  /** The system had its bytes, or there was a new connection to be opened for them. */
  writtenMs: number;
  answeredMs: number;
  /** There was no connection for it at first. */
  readonly hasWaited: boolean;
}

/** Sends requests at their intended times, whatever the answers do. */
export interface Sender {
  /** @param originMs the monotonic time the schedule counts from; resolves when all is answered, failed or dropped */
  run(originMs: number): Promise<void>;
  /** Plans nothing more; what is in flight is still waited for. */
  stop(): void;
}

const PRECISE_GAP_MS = 2;
/**
 * How long a precise sender waits at its clock between two looks at its sockets, ms. Node makes 400 bytes of garbage at
 * each look: without a pause that is 300 MB/s, and the collections alone make 1 % of the requests late. An answer waits
 * for the next look, so it is short while there are answers to come.
 */
const LOOK_EVERY_MS = 0.01;
const LOOK_EVERY_IDLE_MS = 0.1;

const cell = new Int32Array(new SharedArrayBuffer(4));

/** Two or three microseconds without garbage, which reading the clock makes: 34 bytes, millions of times a second. */
function rest(): void {
  for (let i = 0; i < 100; i++) Atomics.load(cell, 0);
}

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
    const times = { intendedMs, writtenMs: 0, answeredMs: 0, hasWaited };
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

  /** Waits for the next start without sleeping, but not longer than answers may wait. */
  const spin = (gapMs: number): void => {
    const untilMs = clock.monotonicMs() + Math.min(gapMs, inFlight > 0 ? LOOK_EVERY_MS : LOOK_EVERY_IDLE_MS);
    while (clock.monotonicMs() < untilMs) rest();
    startDue();
  };

  const tick = (): void => {
    startDue();
    if (nextAt === null && head >= waiting.length) {
      maybeFinish();
      return;
    }
    const gapMs = nextAt === null ? 1 : origin + nextAt - clock.monotonicMs();
    if (options.pace === 'precise' && gapMs < PRECISE_GAP_MS) {
      spin(gapMs);
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

/** Counts what happens to requests, those of the warm-up apart. Times are from the beginning of the run. */
export function createBook<T>(
  options: Pick<SenderOptions, 'warmupMs' | 'lateMs' | 'tmaxMs'>,
  deps: Pick<SenderDeps<T>, 'counters' | 'latencies' | 'lateness' | 'onAnswer' | 'onTimes'>,
) {
  const warmup = newCounters();
  const of = (intendedMs: number): SendCounters => (intendedMs < options.warmupMs ? warmup : deps.counters);
  return {
    planned(intendedMs: number, lateMs: number): void {
      of(intendedMs).planned += 1;
      if (intendedMs >= options.warmupMs) deps.lateness.recordMs(lateMs);
    },
    sent(intendedMs: number, lateMs: number, bytes: number): void {
      const counters = of(intendedMs);
      counters.sent += 1;
      counters.bytesSent += bytes;
      if (lateMs > options.lateMs) counters.late += 1;
    },
    dropped(intendedMs: number): void {
      of(intendedMs).dropped += 1;
    },
    settled(outcome: Outcome, times: RequestTimes, originMs: number, about: T): void {
      const counters = of(times.intendedMs - originMs);
      const tookMs = times.answeredMs - times.intendedMs;
      // A failure counts with the time the caller waited for it: leaving it out would flatter a server that hangs.
      if (counters !== warmup) deps.latencies.recordMs(tookMs);
      if (outcome.kind === 'fault') {
        countUp(counters.faults, outcome.fault);
        counters.firstSaid[outcome.fault] ??= outcome.detail;
        return;
      }
      if (counters !== warmup && !times.hasWaited) deps.onTimes?.(times, outcome.response);
      const inTime = tookMs <= options.tmaxMs;
      counters.answered += 1;
      counters.bytesReceived += outcome.response.head.length + outcome.response.body.length;
      if (!inTime) counters.overTmax += 1;
      const verdict = deps.onAnswer(outcome.response, about, inTime);
      if (verdict === 'bid') counters.bids += 1;
      else if (verdict.startsWith('no_bid')) {
        counters.noBids += 1;
        countUp(counters.noBidReasons, verdict.slice(7) || 'not given');
      } else countUp(counters.invalid, verdict);
    },
  };
}
