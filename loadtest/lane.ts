import { gunzipSync } from 'node:zlib';
import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import { originOf } from './http/connection.ts';
import { createHttpPool } from './http/pool.ts';
import type { HttpResponse } from './http/response.ts';
import { headerOf, MAX_BODY_BYTES } from './http/response.ts';
import { targetOf } from './http/target.ts';
import type { CourierCounters, CourierOptions } from './market/courier.ts';
import { createCourier } from './market/courier.ts';
import type { Truth } from './market/ledger.ts';
import { createLedger } from './market/ledger.ts';
import type { MarketCounters, MarketOptions } from './market/market.ts';
import { createMarket, defaultMarket } from './market/market.ts';
import { createTakenSum } from './selfcheck/corewatch.ts';
import type { SelfCheckRecorders } from './selfcheck/stamp.ts';
import { createSelfCheckRecorders } from './selfcheck/stamp.ts';
import type { Account } from './send/book.ts';
import { newAccount } from './send/book.ts';
import { createClosedSender } from './send/closed.ts';
import type { Schedule } from './send/schedule.ts';
import type { SenderDeps, SenderOptions } from './send/sender.ts';
import { createSender } from './send/sender.ts';
import type { RequestContext, ShotSource } from './traffic/source.ts';

/** One sender with its own market, ledger and connections: what a thread of a load test runs. */
export interface LaneOptions {
  readonly url: string;
  readonly insecure: boolean;
  readonly connections: number;
  readonly maxConnections: number;
  /** Requests made ahead of the run. */
  readonly prepare: number;
  /** When an unanswered request is given up, ms. */
  readonly timeoutMs: number;
  readonly sender: SenderOptions;
  /** A closed loop instead of the schedule. */
  readonly closed: { readonly users: number; readonly durationMs: number } | null;
  readonly noticeHosts: readonly string[];
  /** null sends no notices. */
  readonly market: MarketOptions | null;
  readonly courier: CourierOptions;
  /** The ledger of truth; null keeps totals in memory only. */
  readonly ledgerPath: string | null;
  /** The server is the echo of a self-check, whose answers say when they were sent. */
  readonly selfCheck: boolean;
}

export interface LaneDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly schedule: Schedule;
  readonly source: ShotSource;
  /** Told of every won auction at once. */
  readonly onWin?: (campaign: string, priceNanos: number) => void;
}

export interface Lane {
  /** What is measured. */
  readonly account: Account;
  readonly warmup: Account;
  readonly market: MarketCounters;
  readonly courier: CourierCounters;
  /** Empty unless the server is the echo of a self-check. */
  readonly selfCheck: SelfCheckRecorders;
  readonly truth: Truth;
  readonly openConnections: number;
  readonly staleConnections: number;
  readonly pendingNotices: number;
  /** Makes requests and opens connections ahead of the first one. */
  warm(): Promise<void>;
  run(originMs: number): Promise<void>;
  /** Sends no more requests; when all are sent, waits no longer for notices. */
  stop(): void;
  /** Waits until every pending notice is delivered. @param timeoutMs gives up after this */
  finish(timeoutMs: number): Promise<void>;
  close(): void;
}

export function createLane(options: LaneOptions, deps: LaneDeps): Lane {
  const { clock, random } = deps;
  const url = new URL(options.url);
  const ledger = createLedger(options.ledgerPath);
  const courier = createCourier(options.courier, ledger, clock);
  const market = createMarket(options.market ?? defaultMarket, {
    clock,
    random,
    courier,
    ledger,
    isOurs: options.market === null ? () => false : originFilter(url, options.noticeHosts),
    ...(deps.onWin === undefined ? {} : { onWin: deps.onWin }),
  });
  const origin = originOf(url, options.insecure);
  const { maxConnections, timeoutMs } = options;
  const pool = createHttpPool({ origin, maxConnections, keep: options.connections, timeoutMs }, clock);
  const selfCheck = createSelfCheckRecorders(createTakenSum(clock));
  const account = newAccount();
  const warmup = newAccount();
  const senderDeps: SenderDeps<RequestContext> = {
    clock,
    pool,
    schedule: deps.schedule,
    next: deps.source.next,
    onDone: deps.source.done,
    onAnswer: (response, about, inTime) => verdictOf(response, about, inTime, market.answer),
    account,
    warmup,
    ...(options.selfCheck ? { onTimes: selfCheck.onTimes } : {}),
  };
  const sender =
    options.closed === null
      ? createSender(options.sender, senderDeps)
      : createClosedSender({ ...options.sender, ...options.closed }, senderDeps);
  return {
    account,
    warmup,
    market: market.counters,
    courier: courier.counters,
    selfCheck,
    get truth() {
      return ledger.truth;
    },
    get openConnections() {
      return pool.open;
    },
    get staleConnections() {
      return pool.stale;
    },
    get pendingNotices() {
      return courier.pending;
    },
    warm() {
      deps.source.prepare(options.prepare);
      return pool.warm(options.connections);
    },
    run: sender.run,
    stop() {
      sender.stop();
      courier.hurry();
    },
    finish: courier.finish,
    close() {
      pool.close();
      courier.close();
      ledger.close();
    },
  };
}

/** Notices go to the bidder under test, to hosts that were named, or to this machine, and nowhere else. */
export function originFilter(target: URL, hosts: readonly string[] = []): (url: string) => boolean {
  const isKnown = new Map<string, boolean>();
  const isAllowed = (origin: string): boolean => {
    if (!URL.canParse(origin)) return false;
    const url = new URL(origin);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') return false;
    return url.host === target.host || url.hostname === '127.0.0.1' || hosts.includes(url.host);
  };
  return (text) => {
    const origin = targetOf(text)?.origin;
    if (origin === undefined) return false;
    const known = isKnown.get(origin);
    if (known !== undefined) return known;
    const allowed = isAllowed(origin);
    if (isKnown.size < MAX_KNOWN_ORIGINS) isKnown.set(origin, allowed);
    return allowed;
  };
}

const MAX_KNOWN_ORIGINS = 1000;

type AnswerBid = (body: Buffer, about: RequestContext, inTime: boolean) => string;

function verdictOf(response: HttpResponse, about: RequestContext, inTime: boolean, answerBid: AnswerBid): string {
  if (response.status === 204) return 'no_bid';
  if (response.status !== 200) return `http_${response.status}`;
  if (response.body.length === 0) return 'no_bid';
  const type = headerOf(response.head, 'content-type');
  if (type !== '' && !type.includes('json')) return 'wrong_content_type';
  const body = unpack(response);
  return body === null ? 'bad_gzip' : answerBid(body, about, inTime);
}

function unpack(response: HttpResponse): Buffer | null {
  if (headerOf(response.head, 'content-encoding') !== 'gzip') return response.body;
  try {
    return gunzipSync(response.body, { maxOutputLength: MAX_BODY_BYTES });
  } catch {
    return null;
  }
}
