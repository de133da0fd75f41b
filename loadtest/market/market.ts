import type { Clock } from '../../core/clock.ts';
import type { Nanos } from '../../core/money.ts';
import { cpmToNanos } from '../../core/money.ts';
import type { Random } from '../../core/random.ts';
import { exponential, logNormal } from '../traffic/weighted.ts';
import type { Courier, Parcel } from './courier.ts';
import type { Ledger, NoticeKind } from './ledger.ts';
import { playbackKinds } from './ledger.ts';
import { substituteMacros } from './macros.ts';
import { findUrls } from './markup.ts';
import { createPeople } from './people.ts';

/** How the simulated exchange and its users behave. Shares are in [0, 1], delays are means of exponential draws. */
export interface MarketOptions {
  readonly auction: 'first' | 'second';
  /** The best competing bid: log-normal, CPM. */
  readonly competitorMedianCpm: number;
  readonly competitorSigma: number;
  /** Won auctions whose ad is shown. */
  readonly renderShare: number;
  /** Shown ads that are clicked. */
  readonly clickShare: number;
  /** The least time between two clicks of a person, ms: people click now and then, however often a test shows them an ad. */
  readonly clickPauseMs: number;
  /** Started video and audio ads that are played to the end; the others stop evenly on the way. */
  readonly completeShare: number;
  /** From the first frame of such an ad to its last: shorter than real ones, so that a run need not wait for it. */
  readonly playMs: number;
  readonly noticeDelayMs: number;
  readonly renderDelayMs: number;
  readonly clickDelayMs: number;
  /** Notices that never arrive, arrive twice, or arrive in the wrong order (a beacon before the win notice). */
  readonly lossShare: number;
  readonly duplicateShare: number;
  readonly reorderShare: number;
  /** Which notice bills. `auto`: the billing notice if the bid has one, else the win notice, else the impression. */
  readonly billing: 'auto' | 'win' | 'bill' | 'impression';
  /** Shown ads whose beacons come from a declared robot. */
  readonly botShare: number;
  /** Clicks that convert. Needs `conversionUrl`. */
  readonly conversionShare: number;
  readonly conversionDelayMs: number;
  /** Called for a conversion; `{click}` is replaced by the token of the click URL, `{order}` by a unique order id. */
  readonly conversionUrl: string;
}

export const defaultMarket: MarketOptions = {
  auction: 'first',
  competitorMedianCpm: 0.6,
  competitorSigma: 0.9,
  renderShare: 0.92,
  clickShare: 0.01,
  clickPauseMs: 15_000,
  completeShare: 0.7,
  playMs: 2000,
  noticeDelayMs: 30,
  renderDelayMs: 400,
  clickDelayMs: 1500,
  lossShare: 0,
  duplicateShare: 0,
  reorderShare: 0,
  billing: 'auto',
  botShare: 0,
  conversionShare: 0,
  conversionDelayMs: 2000,
  conversionUrl: '',
};

/** What the market must remember of a request until its answer comes. */
export interface AuctionContext {
  readonly auctionId: string;
  /** Impression id → floor, nanos. */
  readonly floors: ReadonlyMap<string, Nanos>;
  readonly userAgent: string;
  readonly ip: string;
  /** As the exchange knows the user; '' for nobody. */
  readonly userId: string;
}

export interface MarketCounters {
  auctions: number;
  bids: number;
  wins: number;
  losses: number;
  belowFloor: number;
  /** Answers that came after tmax: the auction was over. */
  tooLate: number;
  clearedNanos: bigint;
  /** Notice URLs that were not called because they point somewhere else than the bidder under test. */
  foreignUrls: number;
}

/** Plays the auctions and sends what follows from them. */
export interface Market {
  /** @returns `bid`, `no_bid`, `no_bid:REASON`, or why the body is no valid bid response */
  answer(body: Buffer, context: AuctionContext, inTime: boolean): string;
  readonly counters: MarketCounters;
}

export interface MarketDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly courier: Courier;
  readonly ledger: Ledger;
  /** Whether a URL may be called: the bidder under test, or this machine. */
  readonly isOurs: (url: string) => boolean;
  /** Told of every won auction at once, whatever becomes of its notices: what the exchange will charge. */
  readonly onWin?: (campaign: string, priceNanos: Nanos) => void;
}

interface Bid {
  readonly id: string;
  readonly impId: string;
  readonly priceNanos: Nanos;
  readonly campaign: string;
  readonly creative: string;
  readonly seat: string;
  readonly adm: string;
  readonly nurl: string;
  readonly burl: string;
  readonly lurl: string;
}

/** OpenRTB loss reason codes. */
const LOST_TO_HIGHER_BID = 102;
const BELOW_FLOOR = 100;
/** What second price adds to the runner-up: a cent of CPM. */
const INCREMENT_NANOS = 10_000;
/** From the impression to the first frame, ms. */
const PLAYER_MS = 50;
/** The quickest click of a person, ms after the ad is shown. */
const HUMAN_MS = 1000;
const ROBOT_AGENT = 'Mozilla/5.0 (compatible; EvenkeelTestBot/1.0; +https://bot.example/info)';

/** What a market has counted before its first auction. */
export const noAuctions: MarketCounters = {
  auctions: 0,
  bids: 0,
  wins: 0,
  losses: 0,
  belowFloor: 0,
  tooLate: 0,
  clearedNanos: 0n,
  foreignUrls: 0,
};

export function createMarket(options: MarketOptions, deps: MarketDeps): Market {
  const { random, ledger } = deps;
  const counters = { ...noAuctions };
  const people = createPeople(options.clickPauseMs);
  const delay = (meanMs: number): number => deps.clock.monotonicMs() + exponential(random, meanMs);
  const ours = (url: string): boolean => {
    if (url === '') return false;
    const allowed = deps.isOurs(url);
    if (!allowed) counters.foreignUrls += 1;
    return allowed;
  };

  const lose = (bid: Bid, context: AuctionContext, lossCode: number, winning: Nanos | null): void => {
    counters.losses += 1;
    if (!ours(bid.lurl)) return;
    const macros = macroValues(bid, context, winning, lossCode, winning);
    const url = substituteMacros(bid.lurl, macros);
    const dueMs = delay(options.noticeDelayMs);
    deps.courier.accept(
      parcel('loss', bid, context, { url, dueMs, priceNanos: 0, billing: false, bot: false, copies: 1 }),
    );
  };

  const win = (bid: Bid, context: AuctionContext, priceNanos: Nanos, runnerUp: Nanos): void => {
    counters.wins += 1;
    counters.clearedNanos += BigInt(priceNanos);
    deps.onWin?.(bid.campaign, priceNanos);
    const macros = macroValues(bid, context, priceNanos, 0, runnerUp);
    const billing = billingOf(options.billing, bid);
    const make = (kind: NoticeKind, rawUrl: string, dueMs: number, bot = false): Parcel | null => {
      const url = substituteMacros(rawUrl, macros);
      if (url === '' || !ours(url) || random.next() < options.lossShare) return null;
      const copies = random.next() < options.duplicateShare ? 2 : 1;
      return parcel(kind, bid, context, { url, dueMs, priceNanos, billing: kind === billing, bot, copies });
    };
    const send = (made: Parcel | null): void => {
      if (made !== null) deps.courier.accept(made);
    };
    const noticeMs = delay(options.noticeDelayMs);
    const rendered = random.next() < options.renderShare;
    const shownMs = noticeMs + exponential(random, options.renderDelayMs);
    send(make('win', bid.nurl, rendered && random.next() < options.reorderShare ? shownMs + 50 : noticeMs));
    if (!rendered) return;
    send(make('bill', bid.burl, shownMs));
    const urls = findUrls(bid.adm, deps.isOurs);
    const bot = random.next() < options.botShare;
    const click = random.next() < options.clickShare ? urls.click : '';
    for (const [i, url] of urls.impressions.entries()) {
      const impression = make('impression', url, shownMs, bot);
      if (i > 0 || impression === null || click === '') send(impression);
      else send(withClick(impression, click));
    }
    // One draw decides how far the ad is watched: up to the milestones below it.
    const watched = urls.playback.size === 0 ? 0 : random.next();
    for (const [i, kind] of playbackKinds.entries()) {
      const part = i / (playbackKinds.length - 1);
      if (watched > 1 - part * (1 - options.completeShare)) break;
      for (const url of urls.playback.get(kind) ?? []) {
        send(make(kind, url, shownMs + PLAYER_MS + part * options.playMs, bot));
      }
    }

    function withClick(impression: Parcel, url: string): Parcel {
      const clickMs = shownMs + HUMAN_MS + exponential(random, options.clickDelayMs);
      if (!bot && !people.mayClick(context, clickMs)) return impression;
      const clicked = make('click', url, clickMs, bot);
      if (clicked === null) return impression;
      if (options.conversionUrl === '' || bot || random.next() >= options.conversionShare) {
        return { ...impression, follower: clicked };
      }
      const order = encodeURIComponent(`${bid.id}-${context.auctionId}`.slice(0, 100));
      const token = url.slice(url.lastIndexOf('/') + 1).split('?')[0]!;
      const target = options.conversionUrl.replaceAll('{click}', token).replaceAll('{order}', order);
      const conversion = make('conversion', target, clickMs + exponential(random, options.conversionDelayMs));
      return { ...impression, follower: conversion === null ? clicked : { ...clicked, follower: conversion } };
    }
  };

  const play = (bids: readonly Bid[], context: AuctionContext): void => {
    const ranked = bids.toSorted((a, b) => b.priceNanos - a.priceNanos);
    const best = ranked[0]!;
    counters.auctions += 1;
    const floor = context.floors.get(best.impId) ?? 0;
    const rival = Math.round(logNormal(random, options.competitorMedianCpm, options.competitorSigma) * 1e6);
    const others = Math.max(rival, ranked[1]?.priceNanos ?? 0);
    if (best.priceNanos < floor) {
      counters.belowFloor += 1;
      for (const bid of ranked) lose(bid, context, BELOW_FLOOR, floor);
      return;
    }
    if (best.priceNanos <= rival) {
      for (const bid of ranked) lose(bid, context, LOST_TO_HIGHER_BID, rival);
      return;
    }
    const second = Math.min(best.priceNanos, Math.max(floor, others) + INCREMENT_NANOS);
    win(best, context, options.auction === 'first' ? best.priceNanos : second, Math.max(floor, others));
    for (const bid of ranked.slice(1)) lose(bid, context, LOST_TO_HIGHER_BID, best.priceNanos);
  };

  return {
    counters,
    answer(body, context, inTime) {
      const bids = readBids(body, context);
      if (typeof bids === 'string') return bids;
      counters.bids += bids.length;
      for (const bid of bids) ledger.bid(bid.campaign);
      if (!inTime) {
        counters.tooLate += 1;
        return 'bid';
      }
      for (const imp of new Set(bids.map((bid) => bid.impId))) {
        play(
          bids.filter((bid) => bid.impId === imp),
          context,
        );
      }
      return 'bid';
    },
  };
}

function billingOf(billing: MarketOptions['billing'], bid: Bid): NoticeKind {
  if (billing !== 'auto') return billing;
  return bid.burl !== '' ? 'bill' : bid.nurl !== '' ? 'win' : 'impression';
}

type Sending = Pick<Parcel, 'url' | 'dueMs' | 'priceNanos' | 'billing' | 'bot' | 'copies'>;

/** All parcels have one shape: there are thousands a second. */
function parcel(kind: NoticeKind, bid: Bid, context: AuctionContext, how: Sending): Parcel {
  const fromDevice = kind !== 'win' && kind !== 'bill' && kind !== 'loss' && kind !== 'conversion';
  return {
    kind,
    campaign: bid.campaign,
    creative: bid.creative,
    bidId: bid.id,
    priceNanos: how.priceNanos,
    billing: how.billing,
    bot: how.bot,
    copies: how.copies,
    userAgent: how.bot ? ROBOT_AGENT : fromDevice ? context.userAgent : 'evenkeel-loadtest',
    ip: fromDevice ? context.ip : '',
    url: how.url,
    dueMs: how.dueMs,
    follower: null,
  };
}

function macroValues(bid: Bid, context: AuctionContext, price: Nanos | null, lossCode: number, minToWin: Nanos | null) {
  return {
    auctionId: context.auctionId,
    bidId: bid.id,
    impId: bid.impId,
    seatId: bid.seat,
    adId: bid.creative,
    currency: 'USD',
    priceNanos: price,
    lossCode,
    minToWinNanos: minToWin,
  };
}

/** The bids of a response body (at least one), or why there are none. */
function readBids(body: Buffer, context: AuctionContext): readonly Bid[] | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return 'not_json';
  }
  const response = record(parsed);
  if (response === null) return 'not_an_object';
  if (response.id !== context.auctionId) return 'wrong_id';
  if (response.cur !== undefined && response.cur !== 'USD') return 'wrong_currency';
  const bids: Bid[] = [];
  for (const rawSeat of list(response.seatbid)) {
    const seat = record(rawSeat);
    for (const rawBid of list(seat?.bid)) {
      const bid = readBid(record(rawBid), text(seat?.seat), context);
      if (typeof bid === 'string') return bid;
      bids.push(bid);
    }
  }
  if (bids.length > 0) return bids;
  return typeof response.nbr === 'number' ? `no_bid:nbr ${response.nbr}` : 'no_bid';
}

function readBid(raw: Record<string, unknown> | null, seat: string, context: AuctionContext): Bid | string {
  if (raw === null || typeof raw.id !== 'string' || raw.id === '') return 'bid_without_id';
  if (typeof raw.impid !== 'string' || !context.floors.has(raw.impid)) return 'unknown_impid';
  const priceNanos = typeof raw.price === 'number' ? cpmToNanos(raw.price) : null;
  if (priceNanos === null || priceNanos === 0) return 'bad_price';
  return {
    id: raw.id,
    impId: raw.impid,
    priceNanos,
    campaign: text(raw.cid),
    creative: text(raw.crid),
    seat,
    adm: text(raw.adm),
    nurl: text(raw.nurl),
    burl: text(raw.burl),
    lurl: text(raw.lurl),
  };
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const record = (value: unknown): Record<string, unknown> | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
