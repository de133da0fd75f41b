import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Clock } from '../../core/clock.ts';
import { BID_ID_WORDS } from '../../core/ids.ts';
import { type NoBidReason, noBidReasons } from '../../core/reasons.ts';
import { MAX_TOKEN_CHARS, type TokenKey, type TokenNumbers, writeToken } from '../../core/token.ts';
import type { ActiveSpan, Tracer } from '../../core/trace.ts';
import { Auction, type Bid, MAX_BIDS } from '../auction/auction.ts';
import type { Rates } from '../auction/currency.ts';
import type { Insight } from '../auction/insight.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { ExchangeProfile } from '../config.ts';
import { errorReply } from '../http/errorreply.ts';
import type { HttpCall } from '../http/transport.ts';
import { queryValue } from '../notice/query.ts';
import { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import type { CreditGate } from '../shared/creditgate.ts';
import { writeReserved } from '../shared/records.ts';
import type { RingWriter } from '../shared/ring.ts';
import { isDraining, isReady, type SharedStatus } from '../shared/status.ts';
import { type Counters, UNKNOWN_EXCHANGE } from '../stats/counters.ts';
import { stages as stageList } from '../stats/stages.ts';
import { createDraw } from './draw.ts';
import { explain } from './explain.ts';
import { createPrefixes } from './prefixes.ts';
import { createResponseWriter } from './responsewriter.ts';
import { createRateLimits, type LoopWatch } from './shedding.ts';

const REQ = shapes.REQUEST.f;

export interface BidHandlerDeps {
  readonly catalog: Catalog;
  readonly gate: CreditGate;
  readonly ring: RingWriter;
  readonly counters: Counters;
  readonly status: SharedStatus;
  readonly clock: Clock;
  readonly profiles: ReadonlyMap<string, ExchangeProfile>;
  readonly signingKey: TokenKey;
  /** Writes the three words of a new id. */
  readonly newBidId: (nowMs: number, into: Uint32Array) => void;
  readonly rates: Rates;
  readonly insight: Insight;
  readonly maxBodyBytes: number;
  readonly maxLineItems: number;
  readonly marginMs: number;
  /** Threads that share a profile's QPS limit. */
  readonly threads: number;
  readonly loop: LoopWatch;
  readonly onDefect: (error: unknown) => void;
  readonly operatorKeyHashes: readonly string[];
  /** null when traces are off. */
  readonly tracer: Tracer | null;
}

/** Shorter answers are not worth compressing. */
const GZIP_FROM_BYTES = 860;

/** Requests that are read one after the other before they are decided: all of them stay in the nearer caches. */
const READ_AT_ONCE = 16;

/** Answers bid requests. Nothing here waits. */
export interface BidHandler {
  /** Reads a request. The body is only valid during the call; what is not refused is answered by `decide` at the latest. */
  take(call: HttpCall, exchange: string, body: Uint8Array, length: number): void;
  /** Decides all that have been read, and answers them. */
  decide(): void;
}

/** A request that was read and is not decided yet. Used again and again. */
interface Read {
  call: HttpCall;
  profile: ExchangeProfile;
  /** Its node in the scan. */
  root: number;
  startedMs: number;
  nowMs: number;
  /** How long it may take, milliseconds. */
  deadlineMs: number;
  zipped: boolean;
}

export function createBidHandler(deps: BidHandlerDeps): BidHandler {
  const { counters, clock, status } = deps;
  const { stages } = counters;
  const { people } = deps.insight;
  const scan = new RequestScan();
  const writer = createResponseWriter();
  const auction = new Auction(deps.catalog, deps.gate, counters, deps.rates, deps.insight, deps.maxLineItems);
  const draw = createDraw(deps, scan, auction.decision);
  const inflated = Buffer.alloc(deps.maxBodyBytes + 1);
  const tokenBytes = new Uint8Array(MAX_TOKEN_CHARS);
  const tokenPrefix = createPrefixes();
  const token = blankToken();
  const withinLimit = createRateLimits(deps.threads);
  /** Of the bids of the present request; the first `bidCount` count. */
  const bidIds = Array.from({ length: MAX_BIDS }, () => new Uint32Array(BID_ID_WORDS));
  let bidCount = 0;
  const reads: Read[] = [];
  let readCount = 0;
  let zipped = false;
  let timed = false;
  let span: ActiveSpan | null = null;
  let stageMs = 0;
  let profile: ExchangeProfile | undefined;
  let startedMs = 0;
  let nowMs = 0;
  /** The monotonic time that was read last: reading it costs more than most steps of a bid. */
  let readMs = 0;

  function elapsedUs(): number {
    readMs = clock.monotonicMs();
    return (readMs - startedMs) * 1000;
  }

  /** A stage of a request that is timed or traced is over. */
  function ended(stage: number): void {
    const endMs = clock.monotonicMs();
    if (timed) stages.end(profile!.name, stage, endMs);
    span?.child(stageNames[stage]!, stageMs, endMs);
    stageMs = endMs;
  }

  function fail(call: HttpCall, httpStatus: number, code: string, says: string): void {
    counters.error(profile?.name ?? UNKNOWN_EXCHANGE, code);
    span?.set('evenkeel.error', code);
    call.send(errorReply(httpStatus, code, says));
  }

  function noBid(call: HttpCall, reason: NoBidReason, readable: boolean): void {
    counters.noBid(profile!.name, reason, elapsedUs());
    span?.set('evenkeel.no_bid', reason);
    if (readable && profile?.noBid === 'nbr') {
      sendJson(call, writer.noBid(scan, noBidReasons[reason].nbr));
    } else call.send(isDraining(status) ? noContentAndClose : noContent);
  }

  /** Credit was taken: remember the bid, so that it is settled whatever happens to it. */
  function keep(bid: Bid): boolean {
    const bidId = bidIds[bidCount]!;
    deps.newBidId(nowMs, bidId);
    const { path } = deps.gate;
    const { test, exchangeHash } = auction.decision;
    const kept =
      test || writeReserved(deps.ring, bidId, nowMs, bid.priceNanos, exchangeHash, path.cells, path.cellCount);
    if (kept) bidCount++;
    return kept;
  }

  function answer(call: HttpCall): void {
    const { decision } = auction;
    writer.begin(scan, profile!, decision.currency);
    for (let i = 0; i < decision.bids.length; i++) {
      const bid = decision.bids[i]!;
      const tokenEnd = writeToken(tokenOf(bid, bidIds[i]!), deps.signingKey, tokenBytes, 0);
      writer.add(scan, bid, bidIds[i]!, tokenPrefix(tokenBytes, tokenEnd));
    }
    sendJson(call, writer.end());
    if (timed || span !== null) ended(ANSWER);
    counters.answered(profile!.name, elapsedUs());
  }

  function sendJson(call: HttpCall, body: Uint8Array): void {
    const zip = zipped && body.length >= GZIP_FROM_BYTES;
    const close = isDraining(status);
    if (zip) call.send({ status: 200, type: JSON_TYPE, body: gzipSync(body, { level: 1 }), headers: GZIPPED, close });
    else {
      const reply = close ? lastReply : jsonReply;
      reply.body = body;
      call.send(reply);
    }
  }

  function debug(call: HttpCall): void {
    const report = explain(scan, profile!, nowMs, deps);
    call.send({ status: 200, type: JSON_TYPE, body: JSON.stringify(report) });
  }

  function isOperator(authorization: string): boolean {
    const key = authorization.replace(/^Bearer /, '');
    return key !== '' && deps.operatorKeyHashes.includes(createHash('sha256').update(key).digest('hex'));
  }

  /** What the token of a bid says; the object is used again for the next one. */
  function tokenOf(bid: Bid, bidId: Uint32Array): TokenNumbers {
    const { audience, person, test } = auction.decision;
    token.bidId = bidId;
    token.bidAtMs = nowMs;
    token.capNanos = bid.priceNanos;
    token.advertiserId = bid.line.advertiserId;
    token.campaignId = bid.line.campaignId;
    token.lineItemId = bid.line.lineItemId;
    token.creativeId = bid.creative.id;
    token.billingEvent = profile!.billingEvent;
    token.test = test;
    token.user = person.user;
    token.hasUser = person.stored;
    token.exchange = profile!.name;
    token.dealId = bid.dealId;
    token.domain = audience.domain;
    token.country = audience.country;
    token.region = audience.region;
    token.os = audience.os;
    token.deviceType = audience.deviceType;
    token.mtype = bid.creative.mtype;
    token.w = bid.w;
    token.h = bid.h;
    return token;
  }

  function trace(call: HttpCall, tracer: Tracer): void {
    span = tracer.start('bid', 'server', call.header('traceparent'), startedMs);
    span?.set('evenkeel.exchange', profile!.name);
    stageMs = startedMs;
  }

  /** @returns the length of the plain body in `inflated`, or -1 when it was refused */
  function inflate(call: HttpCall, body: Uint8Array, length: number): number {
    try {
      const plain = gunzipSync(body.subarray(0, length), { maxOutputLength: deps.maxBodyBytes });
      plain.copy(inflated);
      return plain.length;
    } catch (error) {
      const tooLarge = (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE';
      if (tooLarge) fail(call, 413, 'body_too_large', 'The decompressed body is too large.');
      else fail(call, 400, 'bad_gzip', 'The body is not valid gzip.');
      return -1;
    }
  }

  /** Reads a request beside those that have been read. */
  function read(call: HttpCall, body: Uint8Array, length: number, debugging: boolean) {
    timed = stages.begin(startedMs);
    if (deps.tracer !== null) trace(call, deps.tracer);
    const fault = scan.add(body, length);
    if (timed || span !== null) ended(READ);
    if (fault !== null) return fail(call, 400, fault, 'The body is not a JSON object that can be read.');
    if (scan.isBlank(scan.root, REQ.id)) return fail(call, 400, 'missing_id', 'The request has no id.');
    if (scan.count(scan.root, REQ.imp) === 0) return fail(call, 400, 'missing_imp', 'The request has no impression.');
    const tmaxMs = scan.numOr(scan.root, REQ.tmax, 0) > 0 ? scan.num(scan.root, REQ.tmax) : profile!.defaultTmaxMs;
    const deadlineMs = tmaxMs - profile!.roundTripMs - deps.marginMs;
    // What is timed or traced is not to wait between its stages.
    if (debugging || timed || span !== null) {
      readMs = clock.monotonicMs();
      conclude(call, deadlineMs, debugging);
    } else keepRead(call, deadlineMs);
  }

  function keepRead(call: HttpCall, deadlineMs: number): void {
    const at = readCount++;
    const { root } = scan;
    const kept = reads[at];
    if (kept === undefined) reads[at] = { call, profile: profile!, root, startedMs, nowMs, deadlineMs, zipped };
    else {
      kept.call = call;
      kept.profile = profile!;
      kept.root = root;
      kept.startedMs = startedMs;
      kept.nowMs = nowMs;
      kept.deadlineMs = deadlineMs;
      kept.zipped = zipped;
    }
  }

  /** Decides the request that is the present one of the scan; `readMs` is the present. */
  function conclude(call: HttpCall, deadlineMs: number, debugging: boolean) {
    if (readMs - startedMs >= deadlineMs) return noBid(call, 'timeout', true);
    if (debugging) return debug(call);
    bidCount = 0;
    const { reason } = auction.run(scan, profile!, nowMs, keep);
    if (timed || span !== null) ended(AUCTION);
    if (reason !== null) noBid(call, reason, true);
    // What was reserved is freed like that of any bid that is not heard of again.
    else if (elapsedUs() >= deadlineMs * 1000) noBid(call, 'timeout', true);
    else answer(call);
    draw(profile!, reason);
  }

  function handle(call: HttpCall, exchange: string, body: Uint8Array, length: number) {
    profile = deps.profiles.get(exchange);
    if (profile === undefined) return fail(call, 404, 'unknown_exchange', 'No profile for this exchange.');
    if (!isReady(status)) return noBid(call, isDraining(status) ? 'draining' : 'not_ready', false);
    const debugging = call.query !== '' && queryValue(call.query, 'debug') === '1';
    if (debugging && !isOperator(call.header('authorization'))) {
      return fail(call, 401, 'operator_key_needed', 'Send Authorization: Bearer and an operator key.');
    }
    if (deps.loop.isLate(startedMs)) return noBid(call, 'overload', false);
    if (!withinLimit(profile, nowMs)) return noBid(call, 'qps_limit', false);
    zipped = profile.gzip && call.header('accept-encoding').includes('gzip');
    const encoding = call.header('content-encoding');
    if (encoding === '' || encoding === 'identity') return read(call, body, length, debugging);
    if (encoding !== 'gzip') return fail(call, 415, 'unsupported_encoding', 'Send the body plain or with gzip.');
    const plainLength = inflate(call, body, length);
    if (plainLength >= 0) read(call, inflated, plainLength, debugging);
  }

  /** A defect of ours must not end the thread: other exchanges are being served by it. */
  function defect(call: HttpCall, error: unknown): void {
    deps.onDefect(error);
    fail(call, 500, 'unexpected', 'The request could not be answered.');
  }

  function decide(): void {
    const count = readCount;
    // First of all, so that a defect can not bring the same ones back.
    readCount = 0;
    timed = false;
    if (count > 0) readMs = clock.monotonicMs();
    meetAll(count);
    for (let i = 0; i < count; i++) {
      const kept = reads[i]!;
      ({ profile, startedMs, nowMs, zipped } = kept);
      scan.root = kept.root;
      try {
        conclude(kept.call, kept.deadlineMs, false);
      } catch (error) {
        defect(kept.call, error);
      }
    }
    people.forgetAhead();
    scan.forget();
  }

  /** Finds out who is behind the requests that are to be decided: together, because hashing ids is dear one by one. */
  function meetAll(count: number): void {
    try {
      for (let i = 0; i < count && people.hasRoomAhead; i++) {
        scan.root = reads[i]!.root;
        people.readAhead(scan, reads[i]!.profile.name);
      }
      people.settle();
    } catch (error) {
      // Then each is met by itself, and who brings the defect about is told so.
      deps.onDefect(error);
      people.forgetAhead();
    }
  }

  return {
    take(call, exchange, body, length) {
      if (readCount === READ_AT_ONCE || !scan.hasRoom) decide();
      if (readCount === 0) scan.forget();
      startedMs = clock.monotonicMs();
      nowMs = clock.nowMs();
      try {
        handle(call, exchange, body, length);
      } catch (error) {
        defect(call, error);
      }
      if (span === null) return;
      span.end();
      span = null;
    },
    decide,
  };
}

const [READ, AUCTION, ANSWER] = [0, 1, 2] as const;
const stageNames = stageList.map((stage) => `bid.${stage}`);
function blankToken(): { -readonly [Field in keyof TokenNumbers]: TokenNumbers[Field] } {
  return {
    bidId: new Uint32Array(BID_ID_WORDS),
    bidAtMs: 0,
    capNanos: 0,
    advertiserId: 0,
    campaignId: 0,
    lineItemId: 0,
    creativeId: 0,
    billingEvent: 'bill',
    test: false,
    user: new Uint32Array(2),
    hasUser: false,
    exchange: '',
    dealId: '',
    domain: '',
    country: '',
    region: '',
    os: '',
    deviceType: 0,
    mtype: 0,
    w: 0,
    h: 0,
  };
}

const JSON_TYPE = 'application/json';
const GZIPPED = [['Content-Encoding', 'gzip']] as const;
const noContent = { status: 204 } as const;
// Used again: of a reply that waits only the body is kept anew.
const jsonReply = { status: 200, type: JSON_TYPE, body: new Uint8Array(0) as Uint8Array, close: false };
const lastReply = { ...jsonReply, close: true };
const noContentAndClose = { status: 204, close: true } as const;
