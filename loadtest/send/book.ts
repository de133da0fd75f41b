import type { Outcome } from '../http/connection.ts';
import type { HttpResponse } from '../http/response.ts';
import { headerOf } from '../http/response.ts';
import type { SendCounters } from './counters.ts';
import { countUp, newCounters } from './counters.ts';
import type { Recorder } from './recorder.ts';
import { createRecorder, recordMs } from './recorder.ts';
import type { SenderDeps, SenderOptions } from './sender.ts';

/** When the things of one request happened that the sender sees, monotonic ms. */
export interface RequestTimes {
  readonly intendedMs: number;
  /** The system had its bytes, or there was a new connection to be opened for them. */
  writtenMs: number;
  answeredMs: number;
  /** There was no connection for it at first. */
  readonly hasWaited: boolean;
}

/** What is put down of requests. */
export interface Account {
  readonly counters: SendCounters;
  /** From intended start to complete answer or failure. */
  readonly latencies: Recorder;
  /**
   * The sender's own lateness, not the server's: from intended start until the request was written, or, where there was
   * no connection for it, until the sender turned to it.
   */
  readonly lateness: Recorder;
}

export function newAccount(): Account {
  return { counters: newCounters(), latencies: createRecorder(), lateness: createRecorder() };
}

/**
 * Puts down what happens to requests, those of the warm-up apart. Times are from the beginning of the run. Both accounts are
 * kept by the same code, without a branch: what first runs when the warm-up ends is slow, makes V8 throw away what it had
 * compiled, and is compiled again, all in what is measured.
 */
export function createBook<T>(
  options: Pick<SenderOptions, 'warmupMs' | 'lateMs' | 'tmaxMs'>,
  deps: Pick<SenderDeps<T>, 'account' | 'warmup' | 'onAnswer' | 'onTimes'>,
) {
  const accounts = [deps.warmup, deps.account] as const;
  const kindOf = (intendedMs: number): 0 | 1 => (intendedMs < options.warmupMs ? 0 : 1);
  const of = (intendedMs: number): Account => accounts[kindOf(intendedMs)];
  return {
    planned(intendedMs: number, lateMs: number): void {
      const { counters, lateness } = of(intendedMs);
      counters.planned += 1;
      recordMs(lateness, lateMs);
    },
    sent(intendedMs: number, lateMs: number, bytes: number): void {
      const { counters } = of(intendedMs);
      counters.sent += 1;
      counters.bytesSent += bytes;
      if (lateMs > options.lateMs) counters.late += 1;
    },
    dropped(intendedMs: number): void {
      of(intendedMs).counters.dropped += 1;
    },
    settled(outcome: Outcome, times: RequestTimes, originMs: number, about: T): void {
      const kind = kindOf(times.intendedMs - originMs);
      const { counters, latencies } = accounts[kind];
      const tookMs = times.answeredMs - times.intendedMs;
      // A failure counts with the time the caller waited for it: leaving it out would flatter a server that hangs.
      recordMs(latencies, tookMs);
      if (outcome.kind === 'fault') {
        countUp(counters.faults, outcome.fault);
        counters.firstSaid[outcome.fault] ??= outcome.detail;
        return;
      }
      if (!times.hasWaited) deps.onTimes?.(times, outcome.response, kind);
      const inTime = tookMs <= options.tmaxMs;
      counters.answered += 1;
      counters.bytesReceived += outcome.response.head.length + outcome.response.body.length;
      if (!inTime) counters.overTmax += 1;
      const verdict = deps.onAnswer(outcome.response, about, inTime);
      if (verdict === 'bid') counters.bids += 1;
      else if (verdict.startsWith('no_bid')) {
        counters.noBids += 1;
        countUp(counters.noBidReasons, verdict.slice(7) || 'not given');
      } else {
        countUp(counters.invalid, verdict);
        counters.firstSaid[verdict] ??= beginningOf(outcome.response);
      }
    },
  };
}

const SAID_LENGTH = 200;

/** What a server said in place of a valid answer, for people: one line. */
function beginningOf({ head, body }: HttpResponse): string {
  const type = headerOf(head, 'content-type');
  if (headerOf(head, 'content-encoding') !== '') return type;
  const text = body
    .toString('utf8', 0, SAID_LENGTH)
    .replace(/[^\P{C}\s]/gu, '')
    .replace(/\s+/g, ' ')
    .trim();
  return [type, text].filter((part) => part !== '').join(': ');
}
