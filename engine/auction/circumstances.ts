import type { NoBidReason } from '../../core/reasons.ts';
import { defaultProfile, type ExchangeProfile } from '../config.ts';
import type { ReadyCreative } from '../creative/compile.ts';
import { nativeVariant } from '../creative/native.ts';
import { DIM } from '../match/terms.ts';
import { numericTerm } from '../match/vocabulary.ts';
import { createAudience, readAudience, type Wanted } from '../request/audience.ts';
import type { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import { nobody } from '../users/person.ts';
import { hashName } from '../value/learner.ts';
import { createBlocks, readBlocks } from './blocks.ts';
import type { Rates } from './currency.ts';
import { createFloors, readFloors, seatAllowed } from './floors.ts';
import { cellOf } from './geocells.ts';
import { createImpression, type Impression, readImpression } from './impression.ts';
import type { Insight } from './insight.ts';
import type { Circumstances } from './judge.ts';
import { skipAfter, type VastVersion, vastVersionFor } from './mediaoffer.ts';
import { readPlacement } from './placement.ts';
import { isComplete } from './supplychain.ts';
import { createWon } from './won.ts';

const REQ = shapes.REQUEST.f;

/** @param wanted which dimensions of targeting are looked at */
export function createCircumstances(rates: Rates, insight: Insight, wanted: Wanted): Circumstances {
  return {
    nowMs: 0,
    seed: 0,
    profile: defaultProfile,
    auctionType: 1,
    rates,
    impression: createImpression(),
    blocks: createBlocks(),
    floors: createFloors(),
    audience: createAudience(),
    insight,
    person: nobody(),
    exchangeHash: 0,
    domainHash: 0,
    won: createWon(),
    wanted,
  };
}

/** Reads what holds for a whole request. @returns why none of our line items may bid, or null */
export function readCircumstances(
  scan: RequestScan,
  profile: ExchangeProfile,
  nowMs: number,
  into: Circumstances,
): NoBidReason | null {
  into.nowMs = nowMs;
  into.profile = profile;
  const at = scan.numOr(scan.root, REQ.at, profile.auctionType);
  into.auctionType = at === 1 || at === 2 ? at : profile.auctionType;
  if (!seatAllowed(scan, scan.root, REQ.wseat, profile.seat) || isBlockedSeat(scan, profile.seat))
    return 'seat_blocked';
  if (profile.requireSupplyChain && !isComplete(scan)) return 'supply_chain';
  into.won.clear();
  readBlocks(scan, into.blocks);
  return meetPerson(scan, into);
}

/** The hash of the exchange that was asked for last. */
let exchangeHash = hashName('');
let hashedExchange = '';

/** Finds out whose request it is, and reads of it what may be known. */
function meetPerson(scan: RequestScan, into: Circumstances): NoBidReason | null {
  const { audience, profile } = into;
  const { people } = into.insight;
  const person = people.read(scan, profile.name);
  into.person = person;
  if (!person.decision.mayBid) return 'privacy';
  readAudience(scan, profile.name, person.decision.mayPersonalise, into.wanted, audience);
  if (into.wanted.uses(DIM.segment)) people.addAudiences(person, audience.terms[DIM.segment]!);
  if (!person.decision.mayUsePreciseGeo) {
    audience.lat = Number.NaN;
    audience.lon = Number.NaN;
  } else if (into.wanted.uses(DIM.radius)) {
    const cell = cellOf(audience.lat, audience.lon);
    if (cell >= 0) audience.terms[DIM.radius]!.add(numericTerm(cell));
  }
  if (profile.name !== hashedExchange) {
    hashedExchange = profile.name;
    exchangeHash = hashName(hashedExchange);
  }
  into.exchangeHash = exchangeHash;
  into.domainHash = hashName(audience.domain);
  return null;
}

function isBlockedSeat(scan: RequestScan, seat: string): boolean {
  for (let i = scan.first(scan.root, REQ.bseat); i !== 0; i = scan.next(i)) if (scan.itemText(i) === seat) return true;
  return false;
}

/**
 * Reads one impression.
 * @param number its place in the request, from 1
 * @returns whether it offers anything we sell
 */
export function readImpressionCircumstances(
  scan: RequestScan,
  node: number,
  number: number,
  into: Circumstances,
): boolean {
  const { terms } = into.audience;
  into.impression.number = number;
  if (!readImpression(scan, node, into.profile, terms, into.impression)) return false;
  readPlacement(scan, into.impression, into.wanted, terms);
  readFloors(scan, node, into.rates, into.profile.seat, terms[DIM.deal]!, into.floors);
  return true;
}

/** The form of markup an impression needs of a creative that fits it. */
export function variantFor(impression: Impression, creative: ReadyCreative): string {
  switch (creative.format) {
    case 'banner':
      return '';
    case 'native':
      return nativeVariant(impression.native!);
    default: {
      const offer = creative.format === 'audio' ? impression.audio! : impression.video!;
      const asset = creative.source.video ?? creative.source.audio!;
      const version = vastVersionFor(offer, asset.vastTagUrl !== null)!;
      return secondsToSkip(impression, creative) < 0 ? version : skippable[version];
    }
  }
}

const skippable: Readonly<Record<VastVersion, string>> = {
  '4.2': '4.2 skip',
  '4.1': '4.1 skip',
  '4.0': '4.0 skip',
  '3.0': '3.0 skip',
  // These know no skippable ads.
  '2.0': '2.0',
  'DAAST 1.0': 'DAAST 1.0',
};
/** AdCOM creative attribute: has a button to skip. */
const SKIPPABLE_ATTRIBUTE = 16;

/** After how many seconds this ad may be skipped here; -1: never. */
export function secondsToSkip(impression: Impression, creative: ReadyCreative): number {
  if (creative.format !== 'video' || impression.blockedAttributes.video.has(SKIPPABLE_ATTRIBUTE)) return -1;
  return skipAfter(impression.video!, creative);
}
