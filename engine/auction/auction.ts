import type { NoBidReason } from '../../core/reasons.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Line } from '../catalog/line.ts';
import type { ExchangeProfile } from '../config.ts';
import type { ReadyCreative } from '../creative/compile.ts';
import { privacyOf } from '../privacy/privacy.ts';
import { type Audience, createAudience, readAudience } from '../request/audience.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import { createBlocks, readAttributes, readBlocks } from './blocks.ts';
import { createFloors, readFloors } from './floors.ts';
import type { BudgetGate } from './gate.ts';
import { hashText, hashWith } from './hash.ts';
import { createImpression, type Impression, readImpression } from './impression.ts';
import { type Judge, judge } from './judge.ts';

const REQ = shapes.REQUEST.f;
const IMP = shapes.IMP.f;
const BANNER = shapes.BANNER.f;
/** Most impressions of one request that are looked at. */
const MAX_IMPS = 32;

/** One bid. Objects are reused from request to request. */
export interface Bid {
  impNode: number;
  line: Line;
  creative: ReadyCreative;
  priceNanos: number;
  w: number;
  h: number;
  dealId: string;
}

/** What became of a line item that matched an impression. */
export interface Tally {
  matched(line: Line): void;
  refused(line: Line, reason: NoBidReason): void;
  bid(line: Line, nanos: number): void;
}

/** The outcome of one request: bids, or why there are none. */
export interface Decision {
  readonly bids: Bid[];
  /** Set when there are no bids. */
  reason: NoBidReason | null;
  /** The request said `test: 1`. */
  test: boolean;
  readonly audience: Audience;
}

/** Keeps what was won, once the gate has agreed to it. @returns false when it can not be kept and must be undone */
export type KeepBid = (bid: Bid) => boolean;

/**
 * Runs the auction among our line items for every impression of a request. Deterministic: the same request, campaigns,
 * gate and time give the same bids. Nothing here waits.
 */
export class Auction {
  readonly #catalog: Catalog;
  readonly #gate: BudgetGate;
  readonly #tally: Tally;
  readonly #impression: Impression = createImpression();
  readonly #blocks = createBlocks();
  readonly #floors = createFloors();
  readonly #judge: Judge = { price: 0, creative: null };
  readonly #matches: Int32Array;
  readonly #prices: Float64Array;
  readonly #creatives: (ReadyCreative | null)[];
  readonly #pool: Bid[] = [];
  readonly decision: Decision = { bids: [], reason: null, test: false, audience: createAudience() };

  constructor(catalog: Catalog, gate: BudgetGate, tally: Tally, maxMatches: number) {
    this.#catalog = catalog;
    this.#gate = gate;
    this.#tally = tally;
    this.#matches = new Int32Array(maxMatches);
    this.#prices = new Float64Array(maxMatches);
    this.#creatives = Array.from({ length: maxMatches }, () => null);
  }

  /** @param keep called for every bid after its credit was taken */
  run(scan: RequestScan, profile: ExchangeProfile, nowMs: number, keep: KeepBid): Decision {
    const { decision } = this;
    decision.bids.length = 0;
    decision.reason = null;
    decision.test = scan.numOr(scan.root, REQ.test, 0) === 1;
    if (this.#catalog.isStopped(profile.name)) return this.#refuse('killed');
    const privacy = privacyOf(scan);
    readAudience(scan, profile.name, privacy.personal, decision.audience);
    readBlocks(scan, this.#blocks);
    const auctionHash = hashText(scan.text(scan.root, REQ.id));
    let reason: NoBidReason = 'unsupported_format';
    let looked = 0;
    for (let item = scan.first(scan.root, REQ.imp); item !== 0 && looked < MAX_IMPS; item = scan.next(item)) {
      looked++;
      const outcome = this.#runImpression(
        scan,
        scan.itemNode(item),
        profile,
        nowMs,
        hashWith(auctionHash, looked),
        keep,
      );
      if (outcome !== null) reason = outcome;
    }
    return decision.bids.length > 0 ? decision : this.#refuse(reason);
  }

  #refuse(reason: NoBidReason): Decision {
    this.decision.reason = reason;
    return this.decision;
  }

  #runImpression(
    scan: RequestScan,
    node: number,
    profile: ExchangeProfile,
    nowMs: number,
    seed: number,
    keep: KeepBid,
  ): NoBidReason | null {
    const { terms } = this.decision.audience;
    if (!readImpression(scan, node, terms, this.#impression)) return 'unsupported_format';
    if (!readFloors(scan, node, this.#floors)) return 'unsupported_currency';
    readAttributes(scan, this.#impression.banner, BANNER.battr, this.#blocks);
    const count = this.#catalog.index.match(terms, this.#matches);
    if (count === 0) return 'no_candidates';
    let last: NoBidReason = 'no_candidates';
    for (let i = 0; i < count; i++) {
      const refusal = this.#judgeCandidate(this.#catalog.line(this.#matches[i]!), profile, nowMs, seed);
      this.#prices[i] = refusal === null ? this.#judge.price : -1;
      this.#creatives[i] = refusal === null ? this.#judge.creative : null;
      if (refusal !== null) last = refusal;
    }
    return this.#award(node, count, nowMs, seed, last, keep);
  }

  #judgeCandidate(line: Line, profile: ExchangeProfile, nowMs: number, seed: number): NoBidReason | null {
    this.#tally.matched(line);
    const circumstances = {
      nowMs,
      seed,
      profile,
      impression: this.#impression,
      blocks: this.#blocks,
      floors: this.#floors,
      audience: this.decision.audience,
    };
    const refusal = judge(line, circumstances, this.#gate, this.#judge);
    if (refusal !== null) this.#tally.refused(line, refusal);
    return refusal;
  }

  /** Gives the impression to the highest price that every level of its budget can pay. */
  #award(
    node: number,
    count: number,
    nowMs: number,
    seed: number,
    last: NoBidReason,
    keep: KeepBid,
  ): NoBidReason | null {
    let reason = last;
    for (let best = this.#highest(count, seed); best >= 0; best = this.#highest(count, seed)) {
      const line = this.#catalog.line(this.#matches[best]!);
      const price = this.#prices[best]!;
      this.#prices[best] = -1;
      const refusal = this.#sell(node, line, this.#creatives[best]!, price, nowMs, keep);
      if (refusal === null) {
        this.#tallyLosers(count);
        return null;
      }
      reason = refusal;
      this.#tally.refused(line, refusal);
    }
    return reason;
  }

  #sell(
    node: number,
    line: Line,
    creative: ReadyCreative,
    price: number,
    nowMs: number,
    keep: KeepBid,
  ): NoBidReason | null {
    if (!this.#take(line, price, nowMs)) return 'budget';
    const bid = this.#bid(node, line, creative, price);
    if (keep(bid)) {
      this.decision.bids.push(bid);
      this.#tally.bid(line, price);
      return null;
    }
    if (!this.decision.test) this.#gate.undo(price);
    return 'ring_full';
  }

  #tallyLosers(count: number): void {
    for (let i = 0; i < count; i++) {
      if (this.#prices[i]! > 0) this.#tally.refused(this.#catalog.line(this.#matches[i]!), 'lost_internal');
    }
  }

  /** A test request takes no credit: it is never billed. */
  #take(line: Line, price: number, nowMs: number): boolean {
    return this.#gate.load(line.slot) && (this.decision.test || this.#gate.take(price, nowMs));
  }

  #highest(count: number, seed: number): number {
    let best = -1;
    let bestPrice = 0;
    for (let i = 0; i < count; i++) {
      const price = this.#prices[i]!;
      if (price <= 0 || price < bestPrice) continue;
      if (price === bestPrice && !this.#winsTie(i, best, seed)) continue;
      best = i;
      bestPrice = price;
    }
    return best;
  }

  #winsTie(challenger: number, holder: number, seed: number): boolean {
    const idOf = (at: number) => this.#catalog.line(this.#matches[at]!).item.id;
    return hashWith(seed, idOf(challenger)) > hashWith(seed, idOf(holder));
  }

  #bid(impNode: number, line: Line, creative: ReadyCreative, priceNanos: number): Bid {
    const used = this.decision.bids.length;
    let bid = this.#pool[used];
    if (bid === undefined) {
      bid = { impNode, line, creative, priceNanos, w: creative.w, h: creative.h, dealId: '' };
      this.#pool[used] = bid;
    }
    bid.impNode = impNode;
    bid.line = line;
    bid.creative = creative;
    bid.priceNanos = priceNanos;
    bid.w = creative.w;
    bid.h = creative.h;
    bid.dealId = '';
    return bid;
  }
}

/** The impression id of a bid. */
export function impIdOf(scan: RequestScan, bid: Bid): string {
  return scan.text(bid.impNode, IMP.id);
}
