import type { NoBidReason } from '../../core/reasons.ts';
import type { Line } from '../catalog/line.ts';
import type { ExchangeProfile } from '../config.ts';
import type { ReadyCreative } from '../creative/compile.ts';
import { DIM } from '../match/terms.ts';
import type { Audience, Wanted } from '../request/audience.ts';
import { isCreativeCapped, isLineCapped } from '../users/caps.ts';
import type { Person } from '../users/person.ts';
import { creativeMerit, valueNanos } from '../value/goal.ts';
import { bannerFits } from './banneroffer.ts';
import { type Blocks, blockedBy } from './blocks.ts';
import { type Rates, rateOf } from './currency.ts';
import { isWithin } from './distance.ts';
import type { Deal, Floors } from './floors.ts';
import type { BudgetGate } from './gate.ts';
import { hashWith } from './hash.ts';
import type { Impression } from './impression.ts';
import type { Insight } from './insight.ts';
import { mediaFits } from './mediaoffer.ts';
import { nativeFits } from './nativeoffer.ts';
import { isSeparated, mediaOfferFor } from './pod.ts';
import { isScheduled } from './schedule.ts';
import type { Won } from './won.ts';

const MILLION = 1_000_000;
const PASS_SALT = 0x70617373;
const MERIT_SALT = 0x6d657269;

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
  readonly insight: Insight;
  person: Person;
  /** `hashName` of exchange and domain, as events will bring them back. */
  exchangeHash: number;
  domainHash: number;
  /** What this request has already won. */
  readonly won: Won;
  /** Dimensions of targeting that some line item aims at: terms of others are not read. */
  readonly wanted: Wanted;
}

/** The verdict on a line item that may bid. */
export interface Judge {
  /** Nanos of the account's currency. */
  price: number;
  /** The same in US dollars: what line items compete with. */
  usdPrice: number;
  /** The least that is accepted, US dollars. */
  usdFloor: number;
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
  if (isCapped(line, about)) return 'frequency_cap';
  const refusal = chooseCreative(line, about, rate, gate.multiplierPpm, verdict);
  if (refusal !== null) return refusal;
  const passPpm = gate.passPpm;
  if (passPpm < MILLION && hashWith(about.seed ^ PASS_SALT, line.item.id) % MILLION >= passPpm) return 'pacing';
  return gate.covers(verdict.price, about.nowMs) ? null : 'budget';
}

function isCapped(line: Line, about: Circumstances): boolean {
  if (line.caps === null || !about.person.known) return false;
  const pending = { line: about.won.ofLine(line.item.id), campaign: about.won.ofCampaign(line.campaign.id) };
  const seconds = Math.floor(about.nowMs / 1000);
  return isLineCapped(about.insight.caps, line.caps, about.person.user, line.item, pending, seconds);
}

/**
 * Chooses among the creatives that fit: the one that deserves it most, which among unknown ones and without exploration
 * is left to the hash. The reason given is that of the last one.
 * @param rate US dollars of a unit of the account's currency
 */
function chooseCreative(
  line: Line,
  about: Circumstances,
  rate: number,
  multiplierPpm: number,
  verdict: Judge,
): NoBidReason | null {
  const { creatives } = line;
  let reason: NoBidReason = 'creative_size';
  let most = -1;
  for (let i = 0; i < creatives.length; i++) {
    const creative = creatives[i]!;
    if (!fits(about.impression, creative)) continue;
    const refusal = creativeRefusal(line, creative, about) ?? priceRefusal(line, creative, about, rate, multiplierPpm);
    if (refusal !== null) {
      reason = refusal;
      continue;
    }
    const merit = creatives.length === 1 ? 0 : meritOf(line, creative, about);
    if (merit <= most) continue;
    most = merit;
    verdict.creative = creative;
    verdict.price = trial.price;
    verdict.usdPrice = trial.usdPrice;
    verdict.usdFloor = trial.usdFloor;
    verdict.deal = trial.deal;
  }
  return most < 0 ? reason : null;
}
/** The verdict on the creative that is being looked at. */
const trial: Judge = { price: 0, usdPrice: 0, usdFloor: 0, creative: null, deal: null };

function meritOf(line: Line, creative: ReadyCreative, about: Circumstances): number {
  return creativeMerit(about.insight.evidence, line.offer, creative.id, hashWith(about.seed ^ MERIT_SALT, creative.id));
}

/** Values the impression for one creative and holds that against the floors. */
function priceRefusal(
  line: Line,
  creative: ReadyCreative,
  about: Circumstances,
  rate: number,
  multiplierPpm: number,
): NoBidReason | null {
  const worth = valueNanos(about.insight.evidence, line.offer, creative.id, about.domainHash);
  trial.price = Math.floor((worth * multiplierPpm) / MILLION);
  trial.usdPrice = trial.price * rate;
  return trial.price < 1 ? 'below_floor' : floorRefusal(line, creative, about, trial);
}

/** Whether a creative is of a form the impression offers. */
function fits(impression: Impression, creative: ReadyCreative): boolean {
  switch (creative.format) {
    case 'banner':
      return impression.banner !== null && bannerFits(impression.banner, creative.w, creative.h);
    case 'native':
      return impression.native !== null && nativeFits(impression.native, creative.source.native!);
    default: {
      const offer = creative.format === 'video' ? impression.video : impression.audio;
      return offer !== null && mediaFits(offer, creative);
    }
  }
}

function creativeRefusal(line: Line, creative: ReadyCreative, about: Circumstances): NoBidReason | null {
  const approval = creative.source.exchangeApprovals[about.profile.name] ?? creative.source.approval;
  if (approval !== 'approved') return 'creative_approval';
  if (about.impression.secure && !creative.secure) return 'creative_insecure';
  const blocked = blockedBy(about.blocks, about.impression.blockedAttributes[creative.format], creative);
  if (blocked !== null) return blocked;
  if (creative.format === 'banner' && ((about.impression.banner!.blockedTypes >> creative.btype) & 1) === 1) {
    return 'blocked_attribute';
  }
  if (isSeparated(line, creative, about)) return 'separation';
  return isCreativeSeen(line, creative, about) ? 'frequency_cap' : null;
}

function isCreativeSeen(line: Line, creative: ReadyCreative, about: Circumstances): boolean {
  if (line.caps === null || line.caps.creative.length === 0 || !about.person.known) return false;
  const { insight, person, won } = about;
  const seconds = Math.floor(about.nowMs / 1000);
  return isCreativeCapped(insight.caps, line.caps, person.user, creative.id, won.ofCreative(creative.id), seconds);
}

/** Finds the deal a line item asks for, or else meets the open floor. Sets the verdict's deal and floor. */
function floorRefusal(line: Line, creative: ReadyCreative, about: Circumstances, verdict: Judge): NoBidReason | null {
  const { floors } = about;
  const wanted = line.terms[DIM.deal]!.include;
  verdict.deal = null;
  if (wanted.length === 0) {
    if (floors.privateOnly) return 'deal';
    verdict.usdFloor = atLeast(floors.floorNanos, creative, about, 0);
    return verdict.usdPrice < verdict.usdFloor ? 'below_floor' : null;
  }
  let reason: NoBidReason = 'deal';
  for (const deal of floors.deals) {
    if (!wanted.includes(deal.id) || !domainAllowed(deal, creative)) continue;
    verdict.usdFloor = atLeast(deal.floorNanos, creative, about, deal.minCpmPerSecond);
    if (verdict.usdPrice < verdict.usdFloor) {
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
  const perSecond = Math.max(dealCpmPerSecond, mediaOfferFor(about, creative)?.minCpmPerSecond ?? 0);
  return creative.durationSeconds === 0
    ? floorNanos
    : Math.max(floorNanos, perSecond * creative.durationSeconds * MILLION);
}

function domainAllowed(deal: Deal, creative: ReadyCreative): boolean {
  return deal.domains.length === 0 || creative.adomain.some((domain) => deal.domains.includes(domain));
}
