import { createBitReader } from './bits.ts';
import { GPP_TCF_EU, GPP_US_PRIVACY, isUsSection, newGppSections, readGppHeader, readUsSection } from './gpp.ts';
import { PRECISE_GEO_BIT, readTcf, type VendorDeclaration } from './tcf.ts';
import { readUsPrivacy } from './usprivacy.ts';

/** What a request says about privacy, wherever its dialect puts it. Reused from request to request. */
export interface PrivacySignals {
  readonly coppa: boolean;
  readonly lmt: boolean;
  readonly dnt: boolean;
  /** `regs.gdpr`: 1 applies, 0 does not, -1 not said. */
  readonly gdpr: number;
  /** `user.consent`, a TC string; '' when absent. */
  readonly consent: string;
  readonly usPrivacy: string;
  readonly gpp: string;
  /** `regs.gpp_sid`; empty when absent. */
  readonly gppSids: ArrayLike<number>;
  /** ISO-3166-1 alpha-3 of the device; '' when unknown. Says whether GDPR applies when the request does not. */
  readonly country: string;
}

export const privacyLimits = ['coppa', 'lmt', 'dnt', 'gdpr', 'us_privacy', 'gpp'] as const;
export type PrivacyLimit = (typeof privacyLimits)[number];

/** What may be done with a request's user. */
export interface PrivacyDecision {
  /** False only when the configuration refuses requests without a basis; else such a request is bid on by context. */
  readonly mayBid: boolean;
  /** Read the user id and compare it with frequency caps. GDPR: purposes 1 and 2. */
  readonly mayUseUserId: boolean;
  /** Match audiences and `user.data`. GDPR: also purposes 3 and 4. */
  readonly mayPersonalise: boolean;
  /** Put the user's hash into tokens, and so into the log and reports. GDPR: also purposes 7, 9 and 10. */
  readonly mayStoreUser: boolean;
  /** Use latitude and longitude. GDPR: special feature 1. */
  readonly mayUsePreciseGeo: boolean;
  readonly truncateIp: boolean;
  /** The signal that took something away, the first in the order of `privacyLimits`; null when nothing is limited. */
  readonly limitedBy: PrivacyLimit | null;
}

export interface PrivacyOptions {
  readonly vendor: VendorDeclaration;
  /** A request whose user may not be used: bid by context alone, or not at all. Default `contextual`. */
  readonly withoutBasis?: 'contextual' | 'no_bid';
  /** Consent strings remembered, each up to 2 KiB. Default 20,000. */
  readonly cacheEntries?: number;
}

/** What a vendor that buys contextual and personal ads commonly declares; the vendor id must be set to have a basis. */
export const defaultVendor: VendorDeclaration = {
  vendorId: 0,
  legitimateInterestPurposes: [2, 7, 9, 10],
  flexiblePurposes: [2, 7, 9, 10],
};

export interface PrivacyGate {
  /** Never throws. The answer is one of a few frozen objects: nothing is allocated on a repeated string. */
  decide(signals: PrivacySignals): PrivacyDecision;
}

const MAX_CACHED_CHARS = 2048;
const bit = (purpose: number): number => 1 << purpose;
const USE = bit(1) | bit(2);
const PERSONALISE = USE | bit(3) | bit(4);
const STORE = USE | bit(7) | bit(9) | bit(10);
const ALL = PERSONALISE | STORE | PRECISE_GEO_BIT;

/** EEA members, the United Kingdom and Switzerland: where a request that is silent is taken to be under GDPR. */
const GDPR_COUNTRIES = new Set(
  (
    'AUT BEL BGR HRV CYP CZE DNK EST FIN FRA DEU GRC HUN IRL ITA LVA LTU LUX MLT NLD POL PRT ROU SVK SVN ESP SWE ' +
    'ISL LIE NOR GBR CHE'
  ).split(' '),
);

/** One gate per thread: it owns scratch memory and a cache. */
export function createPrivacyGate(options: PrivacyOptions): PrivacyGate {
  const bits = createBitReader();
  const sections = newGppSections();
  const { vendor } = options;
  const mayBidWithout = (options.withoutBasis ?? 'contextual') === 'contextual';
  const cacheEntries = options.cacheEntries ?? 20_000;
  const tcfBases = createTextCache(cacheEntries);
  const gppBases = createTextCache(cacheEntries);
  const decisions: (PrivacyDecision | null)[] = Array.from({ length: DECISIONS }, () => null);

  const tcfBasis = (text: string): number => {
    const known = tcfBases.get(text);
    if (known !== undefined) return known;
    return tcfBases.put(text, readTcf(bits, text, 0, text.length, vendor));
  };
  /** The basis that the sections with these ids leave. */
  const readGpp = (text: string, sids: ArrayLike<number>): number => {
    if (!readGppHeader(bits, text, sections)) return sids.length === 0 ? ALL : unreadableGpp(sids);
    let basis = ALL;
    for (let i = 0; i < sids.length; i++) if (isUnmet(sids[i]!)) basis = 0;
    for (let i = 0; i < sections.count; i++) {
      const id = sections.ids[i]!;
      if (sids.length > 0 && !contains(sids, id)) continue;
      basis &= sectionBasis(id, text, sections.starts[i]!, sections.ends[i]!, sids.length > 0);
    }
    return basis;
  };
  const isUnmet = (id: number): boolean => {
    if (id <= 0) return false;
    for (let i = 0; i < sections.count; i++) if (sections.ids[i] === id) return false;
    return true;
  };
  const sectionBasis = (id: number, text: string, start: number, end: number, named: boolean): number => {
    // Without gpp_sid the gdpr flag decides on GDPR, and an unknown section may be of no concern to this request.
    if (id === GPP_TCF_EU) return named ? readTcf(bits, text, start, end, vendor) : ALL;
    if (id === GPP_US_PRIVACY) return readUsPrivacy(text, start, end) === 'allowed' ? ALL : 0;
    if (isUsSection(id)) return readUsSection(bits, id, text, start, end) === 'allowed' ? ALL : 0;
    return named ? 0 : ALL;
  };
  const gppBasis = (text: string, sids: ArrayLike<number>): number => {
    if (text === '' && sids.length === 0) return ALL;
    const key = sids.length === 0 ? text : `${text}|${Array.prototype.join.call(sids, ',')}`;
    const known = gppBases.get(key);
    return known ?? gppBases.put(key, readGpp(text, sids));
  };

  return {
    decide(signals) {
      const flags = (signals.coppa ? 1 : 0) | (signals.lmt ? 2 : 0) | (signals.dnt ? 4 : 0);
      if (flags !== 0) return decisionOf(decisions, 0, flags, mayBidWithout);
      let gdpr = ALL;
      // Where only GPP brings a TC string, its section answers for GDPR.
      if (gdprApplies(signals) && !(signals.consent === '' && contains(signals.gppSids, GPP_TCF_EU))) {
        gdpr = tcfBasis(signals.consent);
      }
      const { usPrivacy } = signals;
      const us = usPrivacy === '' || readUsPrivacy(usPrivacy, 0, usPrivacy.length) === 'allowed' ? ALL : 0;
      const gpp = gppBasis(signals.gpp, signals.gppSids);
      const limits = ((gdpr & ALL) === ALL ? 0 : 8) | (us === ALL ? 0 : 16) | ((gpp & ALL) === ALL ? 0 : 32);
      return decisionOf(decisions, gdpr & us & gpp, limits, mayBidWithout);
    },
  };
}

/** A request that is silent about GDPR is under it when it brings a consent string or comes from where GDPR is law. */
function gdprApplies(signals: PrivacySignals): boolean {
  if (signals.gdpr >= 0) return signals.gdpr !== 0;
  return signals.consent !== '' || GDPR_COUNTRIES.has(signals.country);
}

/** A malformed string gives no basis where a section is said to apply; 0 and -1 say that none does. */
function unreadableGpp(sids: ArrayLike<number>): number {
  for (let i = 0; i < sids.length; i++) if (sids[i]! > 0) return 0;
  return ALL;
}

/** Four answers and six limits, a bit each. */
const DECISIONS = 1 << 10;

function decisionOf(
  known: (PrivacyDecision | null)[],
  basis: number,
  limits: number,
  mayBidWithout: boolean,
): PrivacyDecision {
  const use = (basis & USE) === USE;
  const personalise = (basis & PERSONALISE) === PERSONALISE;
  const store = (basis & STORE) === STORE;
  const geo = (basis & PRECISE_GEO_BIT) !== 0;
  const key = (limits << 4) | (use ? 1 : 0) | (personalise ? 2 : 0) | (store ? 4 : 0) | (geo ? 8 : 0);
  const found = known[key];
  if (found) return found;
  const made: PrivacyDecision = Object.freeze({
    mayBid: use || mayBidWithout,
    mayUseUserId: use,
    mayPersonalise: personalise,
    mayStoreUser: store,
    mayUsePreciseGeo: geo,
    truncateIp: !store,
    limitedBy: limits === 0 ? null : privacyLimits[31 - Math.clz32(limits & -limits)]!,
  });
  known[key] = made;
  return made;
}

function contains(list: ArrayLike<number>, wanted: number): boolean {
  for (let i = 0; i < list.length; i++) if (list[i] === wanted) return true;
  return false;
}

interface TextCache {
  get(text: string): number | undefined;
  put(text: string, value: number): number;
}

/** Two generations: what was used since the last turn survives the next one. Holds at most `entries`. */
function createTextCache(entries: number): TextCache {
  const half = Math.max(1, Math.floor(entries / 2));
  let young = new Map<string, number>();
  let old = new Map<string, number>();
  const put = (text: string, value: number): number => {
    if (text.length > MAX_CACHED_CHARS) return value;
    if (young.size >= half) {
      old = young;
      young = new Map();
    }
    young.set(text, value);
    return value;
  };
  return {
    put,
    get(text) {
      const found = young.get(text);
      if (found !== undefined) return found;
      const older = old.get(text);
      return older === undefined ? undefined : put(text, older);
    },
  };
}
