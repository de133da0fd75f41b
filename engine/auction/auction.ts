import { MAX_EVENT_NANOS, nanosToCpm } from '../../core/money.ts';
import { NEAR } from '../../core/nearbids.ts';
import type { NoBidReason } from '../../core/reasons.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Line } from '../catalog/line.ts';
import type { ExchangeProfile } from '../config.ts';
import type { ReadyCreative } from '../creative/compile.ts';
import { nativeAssets } from '../creative/native.ts';
import { DIM } from '../match/terms.ts';
import type { Audience } from '../request/audience.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import type { Person } from '../users/person.ts';
import { exchangeRow, marketRow, noteBid, shadePrice } from '../value/shading.ts';
import {
  createCircumstances,
  readCircumstances,
  readImpressionCircumstances,
  secondsToSkip,
  variantFor,
} from './circumstances.ts';
import { type Rates, rateOf, responseCurrency } from './currency.ts';
import { type Deal, lowestFloor } from './floors.ts';
import type { BudgetGate } from './gate.ts';
import { hashWith, rankInAuction } from './hash.ts';
import type { Insight } from './insight.ts';
import { type Circumstances, type Judge, judge } from './judge.ts';
import { leavesRoom, mediaOfferFor, podOf } from './pod.ts';
import { Sampling } from './sampling.ts';

const REQ = shapes.REQUEST.f;
/** Most impressions of one request that are looked at. */
const MAX_IMPS = 32;
/** `at` of a deal whose floor is the agreed price. */
const FIXED_PRICE = 3;
/** Most bids of one answer; pods may ask for more. */
export const MAX_BIDS = 64;
const MILLION = 1_000_000;

/** One bid. Objects are reused from request to request. */
export interface Bid {
  impNode: number;
  line: Line;
  creative: ReadyCreative;
  /** The most it can cost, nanos of the account's currency: the price of one impression times `quantity`. */
  priceNanos: number;
  /** How many impressions it buys at once (`qty.multiplier`); 1 but on screens in public space. */
  quantity: number;
  /** CPM in the response's currency, six places at most. */
  cpm: string;
  w: number;
  h: number;
  dealId: string;
  /** Form of the markup, see `ReadyCreative.templateFor`. */
  variant: string;
  /** Native assets, escaped; '' otherwise. */
  assets: string;
  /** Seconds after which a video may be skipped; -1: never. */
  skipAfterSeconds: number;
}

/** What became of a line item that matched an impression. */
export interface Tally {
  /** How many impressions each of the following matches and refusals stands for; 0: they are not counted. */
  weigh(impressions: number): void;
  matched(line: Line): void;
  refused(line: Line, reason: NoBidReason): void;
  /** @param valueNanos the price before shading */
  bid(line: Line, nanos: number, valueNanos: number): void;
}

/** The outcome of one request: bids, or why there are none. */
export interface Decision {
  /** In the order of the impressions. */
  bids: readonly Bid[];
  /** Set when there are no bids. */
  reason: NoBidReason | null;
  /** Currency of the prices. */
  currency: string;
  /** The request said `test: 1`. */
  test: boolean;
  /** `hashName` of the exchange. */
  exchangeHash: number;
  readonly audience: Audience;
  person: Person;
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
  readonly #about: Circumstances;
  readonly #sampling = new Sampling();
  readonly #judge: Judge = { price: 0, usdPrice: 0, usdFloor: 0, creative: null, deal: null };
  readonly #matches: Int32Array;
  readonly #usdPrices: Float64Array;
  readonly #usdFloors: Float64Array;
  /** 0 once it was tried. */
  readonly #ranks: Float64Array;
  readonly #prices: Float64Array;
  readonly #creatives: (ReadyCreative | null)[] = [];
  readonly #deals: (Deal | null)[] = [];
  /** The bids of a request are always the first of these. */
  readonly #pool = Array.from({ length: MAX_BIDS }, () => blankBid());
  /** The list of bids for every number of them: an array that grows and is emptied is allocated anew each time. */
  readonly #lists = Array.from({ length: MAX_BIDS + 1 }, (_, count) => this.#pool.slice(0, count));
  #sold = 0;
  /** Candidates for the present impression that may bid. */
  #count = 0;
  #lastRefusal: NoBidReason = 'no_candidates';
  readonly decision: Decision;

  /** @param maxMatches line items of one impression that can be looked at */
  constructor(catalog: Catalog, gate: BudgetGate, tally: Tally, rates: Rates, insight: Insight, maxMatches: number) {
    this.#catalog = catalog;
    this.#gate = gate;
    this.#tally = tally;
    this.#about = createCircumstances(rates, insight, catalog.index);
    this.#matches = new Int32Array(maxMatches);
    this.#usdPrices = new Float64Array(maxMatches);
    this.#usdFloors = new Float64Array(maxMatches);
    this.#ranks = new Float64Array(maxMatches);
    this.#prices = new Float64Array(maxMatches);
    const { audience, person } = this.#about;
    this.decision = { bids: [], reason: null, currency: 'USD', test: false, exchangeHash: 0, audience, person };
  }

  /** @param keep called for every bid after its credit was taken */
  run(scan: RequestScan, profile: ExchangeProfile, nowMs: number, keep: KeepBid): Decision {
    const { decision } = this;
    const about = this.#about;
    this.#sold = 0;
    decision.bids = this.#lists[0]!;
    decision.reason = null;
    decision.test = scan.numOr(scan.root, REQ.test, 0) === 1;
    if (this.#catalog.isStopped(profile.name)) return this.#refuse('killed');
    const refusal = readCircumstances(scan, profile, nowMs, about);
    decision.person = about.person;
    decision.exchangeHash = about.exchangeHash;
    if (refusal !== null) return this.#refuse(refusal);
    const currency = responseCurrency(scan, about.rates);
    if (currency === null) return this.#refuse('unsupported_currency');
    decision.currency = currency;
    const auctionHash = scan.hashOf(scan.root, REQ.id);
    let reason: NoBidReason = 'unsupported_format';
    let looked = 0;
    for (
      let item = scan.first(scan.root, REQ.imp);
      item !== 0 && looked < MAX_IMPS && this.#sold < MAX_BIDS;
      item = scan.next(item)
    ) {
      looked++;
      about.seed = hashWith(auctionHash, looked);
      const outcome = this.#runImpression(scan, scan.itemNode(item), looked, keep);
      if (outcome !== null) reason = outcome;
    }
    if (this.#sold === 0) return this.#refuse(reason);
    decision.bids = this.#lists[this.#sold]!;
    return decision;
  }

  #refuse(reason: NoBidReason): Decision {
    this.decision.reason = reason;
    return this.decision;
  }

  /** Sells one impression; a dynamic pod takes one ad after the other, the dearest first, while it has room. */
  #runImpression(scan: RequestScan, node: number, number: number, keep: KeepBid): NoBidReason | null {
    const about = this.#about;
    if (!readImpressionCircumstances(scan, node, number, about)) return 'unsupported_format';
    const reason = this.#offer(node, keep);
    if (reason !== null) return reason;
    for (let ads = 1; this.#sold < MAX_BIDS && leavesRoom(about, this.#pool[this.#sold - 1]!.creative, ads); ads++) {
      about.seed = hashWith(about.seed, ads);
      if (this.#offer(node, keep) !== null) break;
    }
    return null;
  }

  /** Looks for a buyer among our line items. @returns why there is none, or null when one has bid */
  #offer(node: number, keep: KeepBid): NoBidReason | null {
    const about = this.#about;
    const { terms } = about.audience;
    const { index } = this.#catalog;
    const weight = this.#sampling.weightOf(about.seed, index.size, about.nowMs);
    const all = weight > 0;
    this.#tally.weigh(weight);
    // Line items whose circles are elsewhere have matched and are refused, where that is counted.
    index.search(terms, all ? DIM.radius : -1);
    let slot = index.next();
    if (slot < 0) return 'no_candidates';
    for (;;) {
      slot = this.#judgeDearest(slot, all);
      const reason = this.#award(node, all, keep);
      // Another turn only when another thread took the credit of everything that was accepted.
      if (reason === null || this.#count === 0 || slot < 0) return reason;
    }
  }

  /**
   * Judges candidates from `slot` on, dear ones first, until none that is left can offer more than the best so far.
   * @returns the slot to go on from, -1 when all have been judged
   */
  #judgeDearest(slot: number, all: boolean): number {
    const { index } = this.#catalog;
    const verdict = this.#judge;
    const highest = this.#gate.highestMultiplierPpm / MILLION;
    let enough = lowestFloor(this.#about.floors);
    let next = slot;
    this.#count = 0;
    do {
      // A word of candidates goes down to a tenth below its dearest: who alone can not offer enough is not looked at.
      if (all || this.#count === 0 || this.#catalog.sheet.mayOffer(next, enough / highest)) {
        if (all) this.#tally.matched(this.#catalog.line(next));
        const refusal = judge(this.#catalog, next, this.#about, this.#gate, verdict);
        if (refusal === null) {
          this.#accept(next, verdict);
          // Who bids nearly as much has a chance, too.
          enough = Math.max(enough, verdict.usdPrice * (1 - NEAR));
        } else {
          this.#lastRefusal = refusal;
          if (all) this.#tally.refused(this.#catalog.line(next), refusal);
        }
      }
      next = index.next();
    } while (next >= 0 && (all || index.upper * highest >= enough));
    return next;
  }

  #accept(slot: number, verdict: Judge): void {
    const at = this.#count++;
    this.#matches[at] = slot;
    this.#usdPrices[at] = verdict.usdPrice;
    this.#usdFloors[at] = verdict.usdFloor;
    this.#ranks[at] = rankInAuction(verdict.usdPrice, this.#about.seed, this.#catalog.line(slot).lineItemId);
    this.#prices[at] = verdict.price;
    this.#creatives[at] = verdict.creative;
    this.#deals[at] = verdict.deal;
  }

  /** Gives the impression to the highest rank whose price every level of its budget can pay. */
  #award(node: number, all: boolean, keep: KeepBid): NoBidReason | null {
    let reason = this.#lastRefusal;
    for (let best = this.#highest(); best >= 0; best = this.#highest()) {
      this.#ranks[best] = 0;
      const refusal = this.#sell(node, best, this.#usdPrices[best]!, keep);
      if (refusal === null) {
        if (all) this.#tallyLosers();
        return null;
      }
      reason = refusal;
      if (all) this.#tally.refused(this.#catalog.line(this.#matches[best]!), refusal);
    }
    return reason;
  }

  #sell(node: number, at: number, usdPrice: number, keep: KeepBid): NoBidReason | null {
    const line = this.#catalog.line(this.#matches[at]!);
    const { insight, exchangeHash, domainHash, impression } = this.#about;
    const exchange = exchangeRow(exchangeHash);
    const market = marketRow(insight.shading, exchangeHash, domainHash, this.#creatives[at]!.mtype);
    const share = this.#share(exchange, market, usdPrice, at);
    const price = Math.max(1, Math.min(this.#prices[at]!, Math.ceil(this.#prices[at]! * share)));
    const { quantity } = impression;
    const total = Math.ceil(price * quantity);
    if (total > MAX_EVENT_NANOS || !this.#take(line, total)) return 'budget';
    const bid = this.#bid(node, at, line, price);
    bid.priceNanos = total;
    bid.quantity = quantity;
    if (keep(bid)) {
      this.#sold++;
      this.#about.won.add(line, bid.creative, podOf(this.#about, mediaOfferFor(this.#about, bid.creative)));
      if (!this.decision.test) noteBid(insight.shading, exchange, market, usdPrice * share * quantity);
      this.#tally.bid(line, total, Math.ceil(this.#prices[at]! * quantity));
      return null;
    }
    if (!this.decision.test) this.#gate.undo(total);
    return 'ring_full';
  }

  /**
   * The share of its value to bid: what shading has learned in a first-price auction, all of it in a second-price one,
   * and the agreed price for a deal that has one.
   */
  #share(exchange: number, market: number, usdPrice: number, at: number): number {
    const { auctionType, insight, seed, impression } = this.#about;
    const { quantity } = impression;
    const usdFloor = this.#usdFloors[at]!;
    const type = this.#deals[at]?.auctionType || auctionType;
    if (type === FIXED_PRICE && usdFloor > 0) return usdFloor / usdPrice;
    if (type !== 1) return 1;
    // Prices are learned from notices, which tell what a whole showing cost.
    const usd = usdPrice * quantity;
    return shadePrice(insight.shading, exchange, market, usd, Math.ceil(usdFloor * quantity), seed) / usd;
  }

  #tallyLosers(): void {
    for (let i = 0; i < this.#count; i++) {
      if (this.#ranks[i]! > 0) this.#tally.refused(this.#catalog.line(this.#matches[i]!), 'lost_internal');
    }
  }

  /** A test request takes no credit: it is never billed. */
  #take(line: Line, price: number): boolean {
    return this.#gate.load(line.slot) && (this.decision.test || this.#gate.take(price, this.#about.nowMs));
  }

  #highest(): number {
    let best = -1;
    let highest = 0;
    for (let i = 0; i < this.#count; i++) {
      const rank = this.#ranks[i]!;
      if (rank <= highest) continue;
      best = i;
      highest = rank;
    }
    return best;
  }

  /** @param priceNanos of one impression */
  #bid(impNode: number, at: number, line: Line, priceNanos: number): Bid {
    const creative = this.#creatives[at]!;
    const bid = this.#pool[this.#sold]!;
    bid.impNode = impNode;
    bid.line = line;
    bid.creative = creative;
    bid.cpm = this.#cpm(line, priceNanos);
    bid.w = creative.w;
    bid.h = creative.h;
    bid.dealId = this.#deals[at]?.id ?? '';
    const { impression } = this.#about;
    bid.variant = variantFor(impression, creative);
    bid.skipAfterSeconds = secondsToSkip(impression, creative);
    bid.assets = creative.format === 'native' ? nativeAssets(impression.native!, creative.source) : '';
    return bid;
  }

  /** Rounded down to a millionth, so that a bid is never above what was reserved. */
  #cpm(line: Line, priceNanos: number): string {
    const { currency } = line.advertiser;
    if (currency === this.decision.currency) return nanosToCpm(priceNanos);
    const { rates } = this.#about;
    return nanosToCpm(Math.floor((priceNanos * rateOf(rates, currency)) / rateOf(rates, this.decision.currency)));
  }
}

/** One shape for all. */
function blankBid(): Bid {
  return {
    impNode: 0,
    line: null as unknown as Line,
    creative: null as unknown as ReadyCreative,
    priceNanos: 0,
    quantity: 1,
    cpm: '',
    w: 0,
    h: 0,
    dealId: '',
    variant: '',
    assets: '',
    skipAfterSeconds: -1,
  };
}
