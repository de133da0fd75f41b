import type { Clock } from '../../core/clock.ts';
import { originOf } from '../http/connection.ts';
import type { HttpPool } from '../http/pool.ts';
import { createHttpPool } from '../http/pool.ts';
import type { Target } from '../http/target.ts';
import { targetOf } from '../http/target.ts';
import type { Ledger, LedgerNotice } from './ledger.ts';

/** A notice with the place and time it is to be delivered. */
export interface Parcel extends LedgerNotice {
  readonly url: string;
  /** Not before, monotonic ms. */
  readonly dueMs: number;
  readonly userAgent: string;
  /** The address the device would call from, sent as X-Forwarded-For; '' for calls between servers. */
  readonly ip: string;
  /** Send it this many times in all, as a nervous browser does; it counts once. */
  readonly copies: number;
  /** Sent once this one is acknowledged, at its own time or `followGapMs` later: nobody clicks an ad that was not shown. */
  readonly follower: Parcel | null;
}

export interface CourierOptions {
  readonly maxPending: number;
  readonly maxConnections: number;
  readonly timeoutMs: number;
  /** Tries until an answer comes; with the pauses between them 12 tries last about 40 s. */
  readonly maxTries: number;
  /** The first pause before a retry, ms; it doubles up to 5 s. */
  readonly retryMs: number;
  /** The least time between an acknowledged notice and the one that follows from it, ms. */
  readonly followGapMs: number;
}

export const defaultCourier: CourierOptions = {
  maxPending: 200_000,
  maxConnections: 32,
  timeoutMs: 5000,
  maxTries: 12,
  retryMs: 100,
  followGapMs: 500,
};

export interface CourierCounters {
  delivered: number;
  refused: number;
  givenUp: number;
  retries: number;
  duplicates: number;
  /** Notices not accepted for delivery because too many were pending: they are not in the ledger. */
  shed: number;
}

/** Delivers notices when they are due, the ledger first, until they are acknowledged. */
export interface Courier {
  /** @returns false when there is no room; nothing was written then */
  accept(parcel: Parcel): boolean;
  readonly pending: number;
  readonly counters: CourierCounters;
  /** Resolves when everything pending has ended, each at its own time, or the time is up. */
  finish(timeoutMs: number): Promise<void>;
  /** Ends a `finish` that is still waiting. */
  hurry(): void;
  /** Forgets what is not sent yet and closes the connections. */
  close(): void;
}

interface Job {
  readonly parcel: Parcel;
  readonly target: Target;
  dueMs: number;
  tries: number;
  sequence: number;
}

const TICK_MS = 4;
/** In place of a ledger number: a repetition. */
const COPY = -1;

export function createCourier(options: CourierOptions, ledger: Ledger, clock: Clock): Courier {
  const pools = new Map<string, HttpPool>();
  const queue = createDueQueue();
  const counters = { delivered: 0, refused: 0, givenUp: 0, retries: 0, duplicates: 0, shed: 0 };
  let sending = 0;
  let whenEmpty: () => void = () => {};

  const poolOf = (origin: string): HttpPool => {
    let pool = pools.get(origin);
    if (pool === undefined) {
      const { maxConnections, timeoutMs } = options;
      const place = originOf(new URL(origin), true);
      pool = createHttpPool({ origin: place, maxConnections, keep: maxConnections, timeoutMs }, clock);
      pools.set(origin, pool);
    }
    return pool;
  };

  /** @returns false when there is no such place */
  const enqueue = (parcel: Parcel, dueMs: number, sequence: number): boolean => {
    const target = targetOf(parcel.url);
    if (target === null) return false;
    queue.push({ parcel, target, dueMs, tries: 0, sequence });
    return true;
  };

  const follow = ({ follower }: Parcel): void => {
    if (follower === null) return;
    const earliestMs = clock.monotonicMs() + options.followGapMs;
    if (!enqueue(follower, Math.max(earliestMs, follower.dueMs), 0)) counters.shed += 1;
  };

  const ended = (job: Job, status: number): void => {
    sending -= 1;
    if (job.sequence === COPY) counters.duplicates += 1;
    else if (status >= 200 && status < 400) {
      counters.delivered += 1;
      ledger.end(job.sequence, 'acknowledged');
      follow(job.parcel);
    } else if (status >= 400 && status < 500 && status !== 429 && status !== 408) {
      counters.refused += 1;
      ledger.end(job.sequence, 'refused');
    } else if (job.tries >= options.maxTries) {
      counters.givenUp += 1;
      ledger.end(job.sequence, 'given_up');
    } else {
      counters.retries += 1;
      job.dueMs = clock.monotonicMs() + Math.min(5000, options.retryMs * 2 ** (job.tries - 1));
      queue.push(job);
    }
    if (sending === 0 && queue.size === 0) whenEmpty();
  };

  const deliver = (job: Job): void => {
    const bytes = getRequest(job);
    const sent = poolOf(job.target.origin).trySend(bytes, (outcome) => {
      ended(job, outcome.kind === 'response' ? outcome.response.status : 0);
    });
    if (!sent) {
      queue.push(job);
      return;
    }
    if (job.tries === 0 && job.sequence !== COPY) repeat(job.parcel);
    job.tries += 1;
    sending += 1;
  };

  /** The same call again a moment later, as a nervous browser makes it: it is not in the ledger, because it must not count. */
  const repeat = (parcel: Parcel): void => {
    for (let copy = 1; copy < parcel.copies; copy++) enqueue(parcel, clock.monotonicMs() + 20 * copy, COPY);
  };

  const tick = (): void => {
    const now = clock.monotonicMs();
    const ready: Job[] = [];
    for (let job = queue.peek(); job !== null; job = queue.peek()) {
      if (job.dueMs > now) break;
      if (poolOf(job.target.origin).inFlight + ready.length >= options.maxConnections) break;
      queue.pop();
      if (job.sequence === 0) job.sequence = ledger.write(job.parcel);
      ready.push(job);
    }
    ledger.flush();
    for (const job of ready) deliver(job);
  };
  const timer = setInterval(tick, TICK_MS);

  return {
    counters,
    get pending() {
      return queue.size + sending;
    },
    accept(parcel) {
      if (queue.size + sending < options.maxPending && enqueue(parcel, parcel.dueMs, 0)) return true;
      counters.shed += 1;
      return false;
    },
    async finish(timeoutMs) {
      if (queue.size + sending > 0) {
        let limit: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          whenEmpty = resolve;
          limit = setTimeout(resolve, timeoutMs);
        });
        clearTimeout(limit);
      }
      ledger.flush();
    },
    hurry: () => whenEmpty(),
    close() {
      clearInterval(timer);
      for (const pool of pools.values()) pool.close();
      ledger.flush();
    },
  };
}

function getRequest({ target, parcel }: Job): Buffer {
  const forwarded = parcel.ip === '' ? '' : `X-Forwarded-For: ${parcel.ip}\r\n`;
  const agent = parcel.userAgent.replace(/[\r\n]/g, ' ');
  return Buffer.from(`GET ${target.path} HTTP/1.1\r\nHost: ${target.host}\r\nUser-Agent: ${agent}\r\n${forwarded}\r\n`);
}

/** Jobs by due time: a binary heap. */
function createDueQueue() {
  const heap: Job[] = [];
  const sift = (at: number): void => {
    const job = heap[at]!;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.dueMs <= job.dueMs) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = job;
  };
  const sink = (at: number): void => {
    const job = heap[at]!;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.dueMs < heap[child]!.dueMs) child += 1;
      if (heap[child]!.dueMs >= job.dueMs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = job;
  };
  return {
    get size() {
      return heap.length;
    },
    peek: (): Job | null => heap[0] ?? null,
    push(job: Job): void {
      heap.push(job);
      sift(heap.length - 1);
    },
    pop(): void {
      const last = heap.pop();
      if (last !== undefined && heap.length > 0) {
        heap[0] = last;
        sink(0);
      }
    },
  };
}
