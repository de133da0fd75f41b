import type { NoBidReason } from '../../core/reasons.ts';
import type { Line } from '../catalog/line.ts';
import type { ExchangeProfile } from '../config.ts';
import type { ReadyCreative } from '../creative/compile.ts';
import { DIM } from '../match/terms.ts';
import type { Audience } from '../request/audience.ts';
import { valueNanos } from '../value/value.ts';
import { bannerFits } from './banneroffer.ts';
import { type Blocks, blockedBy } from './blocks.ts';
import { type Rates, rateOf } from './currency.ts';
import { isWithin } from './distance.ts';
import type { Deal, Floors } from './floors.ts';
import type { BudgetGate } from './gate.ts';
import { hashWith } from './hash.ts';
import type { Impression } from './impression.ts';
import { type MediaOffer, mediaFits } from './mediaoffer.ts';
import { nativeFits } from './nativeoffer.ts';
import { isScheduled } from './schedule.ts';

const MILLION = 1_000_000;
const PASS_SALT = 0x70617373;

/** Everything about one impression that a line item is judged by. */
export interface Circumstances {
  nowMs: number;
  /** Hash of auction id and impression: decides ties, throttling and rotation. */
  seed: number;
  profile: ExchangeProfile;
  /** 1 first price, 2 second price. */
  auctionType: number;
  readonly rates: Rates;
  readonly impression: Impression;
  readonly blocks: Blocks;
  readonly floors: Floors;
  readonly audience: Audience;
}

/** The verdict on a line item that may bid. */
export interface Judge {
  /** Nanos of the account's currency. */
  price: number;
  /** The same in US dollars: what line items compete with. */
  usdPrice: number;
  creative: ReadyCreative | null;
  deal: Deal | null;
}

/**
 * Judges one line item whose terms match, in the order of the funnel.
 * @returns why it does not bid, or null with price, creative and deal in `verdict`
 */
export function judge(line: Line, about: Circumstances, gate: BudgetGate, verdict: Judge): NoBidReason | null {
  if (!isScheduled(line, about.nowMs, about.audience.utcOffsetMinutes)) return 'flight';
  const circles = line.item.targeting.within;
  if (circles.length > 0 && !isWithin(circles, about.audience.lat, about.audience.lon)) return 'targeting';
  const rate = rateOf(about.rates, line.advertiser.currency);
  if (Number.isNaN(rate)) return 'unsupported_currency';
  if (!gate.load(line.slot)) return 'budget';
  verdict.price = Math.floor((valueNanos(line) * gate.multiplierPpm) / MILLION);
  if (verdict.price < 1) return 'below_floor';
  verdict.usdPrice = verdict.price * rate;
  const refusal = chooseCreative(line, about, verdict);
  if (refusal !== null) return refusal;
  const passPpm = gate.passPpm;
  if (passPpm < MILLION && hashWith(about.seed ^ PASS_SALT, line.item.id) % MILLION >= passPpm) return 'pacing';
  return gate.covers(verdict.price, about.nowMs) ? null : 'budget';
}

/** Chooses among the creatives that fit, in turn by hash. The reason given is that of the one that got furthest. */
function chooseCreative(line: Line, about: Circumstances, verdict: Judge): NoBidReason | null {
  const { creatives } = line;
  const offset = creatives.length === 1 ? 0 : hashWith(about.seed, line.item.id) % creatives.length;
  let reason: NoBidReason = 'creative_size';
  for (let i = 0; i < creatives.length; i++) {
    const creative = creatives[(offset + i) % creatives.length]!;
    if (!fits(about.impression, creative)) continue;
    const refusal = creativeRefusal(creative, about) ?? floorRefusal(line, creative, about, verdict);
    if (refusal === null) {
      verdict.creative = creative;
      return null;
    }
    reason = refusal;
  }
  return reason;
}

/** Whether a creative is of a form the impression offers. */
function fits(impression: Impression, creative: ReadyCreative): boolean {
  switch (creative.format) {
    case 'banner':
      return impression.banner !== null && bannerFits(impression.banner, creative.w, creative.h);
    case 'native':
      return impression.native !== null && nativeFits(impression.native, creative.source.native!);
    default: {
      const offer = mediaOffer(impression, creative);
      return offer !== null && mediaFits(offer, creative);
    }
  }
}

function mediaOffer(impression: Impression, creative: ReadyCreative): MediaOffer | null {
  return creative.format === 'audio' ? impression.audio : impression.video;
}

function creativeRefusal(creative: ReadyCreative, about: Circumstances): NoBidReason | null {
  const approval = creative.source.exchangeApprovals[about.profile.name] ?? creative.source.approval;
  if (approval !== 'approved') return 'creative_approval';
  if (about.impression.secure && !creative.secure) return 'creative_insecure';
  return blockedBy(about.blocks, about.impression.blockedAttributes[creative.format], creative);
}

/** Finds the deal a line item asks for, or else meets the open floor. Sets the verdict's deal. */
function floorRefusal(line: Line, creative: ReadyCreative, about: Circumstances, verdict: Judge): NoBidReason | null {
  const { floors } = about;
  const wanted = line.terms[DIM.deal]!.include;
  verdict.deal = null;
  if (wanted.length === 0) {
    if (floors.privateOnly) return 'deal';
    return verdict.usdPrice < atLeast(floors.floorNanos, creative, about, 0) ? 'below_floor' : null;
  }
  let reason: NoBidReason = 'deal';
  for (const deal of floors.deals) {
    if (!wanted.includes(deal.id) || !domainAllowed(deal, creative)) continue;
    if (verdict.usdPrice < atLeast(deal.floorNanos, creative, about, deal.minCpmPerSecond)) {
      reason = 'below_floor';
      continue;
    }
    verdict.deal = deal;
    return null;
  }
  return reason;
}

/** A floor, or what the pod asks per second of ad when that is more. */
function atLeast(floorNanos: number, creative: ReadyCreative, about: Circumstances, dealCpmPerSecond: number): number {
  const perSecond = Math.max(dealCpmPerSecond, mediaOffer(about.impression, creative)?.minCpmPerSecond ?? 0);
  return creative.durationSeconds === 0
    ? floorNanos
    : Math.max(floorNanos, perSecond * creative.durationSeconds * MILLION);
}

function domainAllowed(deal: Deal, creative: ReadyCreative): boolean {
  return deal.domains.length === 0 || creative.adomain.some((domain) => deal.domains.includes(domain));
}
