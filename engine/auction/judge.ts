import type { NoBidReason } from '../../core/reasons.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Line } from '../catalog/line.ts';
import { DOUBLE, FLAG, WORD } from '../catalog/linesheet.ts';
import type { ExchangeProfile } from '../config.ts';
import type { ReadyCreative } from '../creative/compile.ts';
import type { Audience, Wanted } from '../request/audience.ts';
import { isCreativeCapped, isLineCapped } from '../users/caps.ts';
import type { Person } from '../users/person.ts';
import { creativeMerit, valueNanos } from '../value/goal.ts';
import { bannerFits, packSize } from './banneroffer.ts';
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
 * Judges the line item in a slot, whose terms match, in the order of the funnel.
 * @returns why it does not bid, or null with price, creative and deal in `verdict`
 */
export function judge(
  catalog: Catalog,
  slot: number,
  about: Circumstances,
  gate: BudgetGate,
  verdict: Judge,
): NoBidReason | null {
  const { doubles, words } = catalog.sheet;
  const double = slot << 3;
  const word = slot << 4;
  const flags = words[word + WORD.flags]!;
  if (about.nowMs < doubles[double + DOUBLE.start]! || about.nowMs >= doubles[double + DOUBLE.end]!) return 'flight';
  if ((flags & FLAG.narrowed) !== 0) {
    const outside = outsideOf(catalog.line(slot), about);
    if (outside !== null) return outside;
  }
  const rate = doubles[double + DOUBLE.usdRate]! || rateOf(about.rates, catalog.line(slot).advertiser.currency);
  if (Number.isNaN(rate)) return 'unsupported_currency';
  if (!gate.load(slot)) return 'unpaced';
  if ((flags & FLAG.capped) !== 0 && about.person.known && isCapped(catalog.line(slot), about)) return 'frequency_cap';
  const refusal =
    (flags & FLAG.plainBanner) !== 0
      ? judgeBanner(catalog, slot, flags, about, rate, gate.multiplierPpm, verdict)
      : chooseCreative(catalog.line(slot), about, rate, gate.multiplierPpm, verdict);
  if (refusal !== null) return refusal;
  const passPpm = gate.passPpm;
  if (passPpm < MILLION && hashWith(about.seed ^ PASS_SALT, words[word + WORD.lineItem]!) % MILLION >= passPpm) {
    return 'pacing';
  }
  return gate.covers(Math.ceil(verdict.price * about.impression.quantity), about.nowMs) ? null : 'budget';
}

function outsideOf(line: Line, about: Circumstances): NoBidReason | null {
  const { lat, lon, utcOffsetMinutes } = about.audience;
  if (!isScheduled(line, about.nowMs, utcOffsetMinutes)) return 'flight';
  return line.circles.length > 0 && !isWithin(line.circles, lat, lon) ? 'targeting' : null;
}

function isCapped(line: Line, about: Circumstances): boolean {
  if (line.caps === null) return false;
  const { won } = about;
  asked.id = line.lineItemId;
  asked.campaignId = line.campaignId;
  pending.line = won.ofLine(line.lineItemId);
  pending.campaign = won.ofCampaign(line.campaignId);
  const seconds = Math.floor(about.nowMs / 1000);
  const { caps, people } = about.insight;
  return isLineCapped(caps, line.caps, about.person.user, people.before(), asked, pending, seconds);
}
const asked = { id: 0, campaignId: 0 };
const pending = { line: 0, campaign: 0 };

/** The same verdict as `chooseCreative` on the usual line item, whose one creative the sheet describes. */
function judgeBanner(
  catalog: Catalog,
  slot: number,
  flags: number,
  about: Circumstances,
  rate: number,
  multiplierPpm: number,
  verdict: Judge,
): NoBidReason | null {
  const { impression, blocks, floors, insight } = about;
  const { doubles, words } = catalog.sheet;
  const word = slot << 4;
  const { banner } = impression;
  if (banner === null || !bannerFits(banner, words[word + WORD.size]!)) return 'creative_size';
  if (impression.secure && (flags & FLAG.insecure) !== 0) return 'creative_insecure';
  if (mayBeBlocked(flags, words, word, blocks, impression)) {
    const blocked = blockedBy(blocks, impression.blockedAttributes.banner, catalog.line(slot).creatives[0]!);
    if (blocked !== null) return blocked;
  }
  if (banner.blockedTypes !== 0 && ((banner.blockedTypes >> catalog.line(slot).creatives[0]!.btype) & 1) === 1) {
    return 'blocked_attribute';
  }
  if (about.won.size > 0 && isSeparated(catalog.line(slot), catalog.line(slot).creatives[0]!, about)) {
    return 'separation';
  }
  const creativeId = words[word + WORD.creative]!;
  if ((flags & FLAG.capped) !== 0 && isCreativeSeen(catalog.line(slot), creativeId, about)) return 'frequency_cap';
  const worth =
    doubles[(slot << 3) + DOUBLE.price]! ||
    valueNanos(insight.evidence, catalog.line(slot).offer, creativeId, about.domainHash);
  verdict.price = Math.floor((worth * multiplierPpm) / MILLION);
  verdict.usdPrice = verdict.price * rate;
  verdict.usdFloor = floors.floorNanos;
  verdict.deal = null;
  if (verdict.price < 1) return worthless(multiplierPpm);
  if (floors.privateOnly) return 'deal';
  if (verdict.usdPrice < verdict.usdFloor) return 'below_floor';
  verdict.creative = catalog.line(slot).creatives[0]!;
  return null;
}

/** Why a price is nothing: the pacer lets it bid nothing, or no floor is as low. */
function worthless(multiplierPpm: number): NoBidReason {
  return multiplierPpm === 0 ? 'pacing' : 'below_floor';
}

/** Whether the texts have to be compared: a bit in common, or what no bit stands for. */
function mayBeBlocked(
  flags: number,
  words: Int32Array,
  word: number,
  { categories, domains, apps }: Blocks,
  impression: Impression,
): boolean {
  if ((categories.low & words[word + WORD.categories]!) !== 0) return true;
  if ((categories.high & words[word + WORD.categories + 1]!) !== 0) return true;
  if ((domains.low & words[word + WORD.domains]!) !== 0) return true;
  if ((domains.high & words[word + WORD.domains + 1]!) !== 0) return true;
  if ((flags & FLAG.attributes) !== 0 && impression.blockedAttributes.banner.size > 0) return true;
  return (flags & FLAG.bundle) !== 0 && apps.size > 0;
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
  return trial.price < 1 ? worthless(multiplierPpm) : floorRefusal(line, creative, about, trial);
}

/** Whether a creative is of a form the impression offers. */
function fits(impression: Impression, creative: ReadyCreative): boolean {
  switch (creative.format) {
    case 'banner':
      return impression.banner !== null && bannerFits(impression.banner, packSize(creative.w, creative.h));
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
  return isCreativeSeen(line, creative.id, about) ? 'frequency_cap' : null;
}

function isCreativeSeen(line: Line, creativeId: number, about: Circumstances): boolean {
  if (line.caps === null || line.caps.creative.length === 0 || !about.person.known) return false;
  const { insight, person, won } = about;
  const seconds = Math.floor(about.nowMs / 1000);
  const [before, ofCreative] = [insight.people.before(), won.ofCreative(creativeId)];
  return isCreativeCapped(insight.caps, line.caps, person.user, before, creativeId, ofCreative, seconds);
}

/** Finds the deal a line item asks for, or else meets the open floor. Sets the verdict's deal and floor. */
function floorRefusal(line: Line, creative: ReadyCreative, about: Circumstances, verdict: Judge): NoBidReason | null {
  const { floors } = about;
  const wanted = line.deals;
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
