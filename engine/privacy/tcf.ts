import type { BitReader } from './bits.ts';

/**
 * IAB TCF v2.2 consent strings, core segment, as far as one vendor needs them. Field positions are those of "TCF: TC
 * String Format, v2", core string.
 */
export interface VendorDeclaration {
  /** Our id in the Global Vendor List; 0 means not registered, and then nobody has consented to us. */
  readonly vendorId: number;
  /** Purposes we declare with legitimate interest; all others need consent. Never 1, and never 3 to 6 (v2.2). */
  readonly legitimateInterestPurposes: readonly number[];
  /** Purposes for which a publisher may ask for the other legal basis. */
  readonly flexiblePurposes: readonly number[];
}

/**
 * What a string allows us: bit p (1 to 10) is set when purpose p has a legal basis for our vendor; bit 11 when precise
 * geolocation (special feature 1) was opted in to. 0 is no basis at all, which is also what a malformed string gives.
 */
export type TcfBasis = number;
export const PRECISE_GEO_BIT = 1 << 11;

const LAST_PURPOSE = 10;
const VERSION = 2;
const AT = { cmpId: 78, specialFeatures: 140, purposeConsents: 152, purposeInterests: 176, vendors: 213 } as const;
const RESTRICTION = { notAllowed: 0, requireConsent: 1, requireInterest: 2 } as const;
/** Purposes for which TCF v2.2 knows no legitimate interest. */
const CONSENT_ONLY = new Set([1, 3, 4, 5, 6]);

interface Cursor {
  at: number;
  /** Something was read that no valid string holds. */
  broken: boolean;
}

/** Reads `text[start, end)`, a whole TC string, without allocating on the way. Never throws. */
export function readTcf(
  bits: BitReader,
  text: string,
  start: number,
  end: number,
  vendor: VendorDeclaration,
): TcfBasis {
  const dot = text.indexOf('.', start);
  if (!bits.load(text, start, dot < 0 || dot > end ? end : dot)) return 0;
  // CMP ids 0 and 1 are not given out: such a string comes from no consent dialogue.
  if (bits.read(0, 6) !== VERSION || bits.read(AT.cmpId, 12) <= 1 || vendor.vendorId < 1) return 0;
  cursor.at = AT.vendors;
  cursor.broken = false;
  const consented = readVendor(bits, cursor, vendor.vendorId);
  const interest = readVendor(bits, cursor, vendor.vendorId);
  readRestrictions(bits, cursor, vendor.vendorId, restrictions);
  let basis = 0;
  for (let purpose = 1; purpose <= LAST_PURPOSE; purpose++) {
    const byConsent = consented && bits.read(AT.purposeConsents + purpose - 1, 1) === 1;
    const byInterest = interest && !CONSENT_ONLY.has(purpose) && bits.read(AT.purposeInterests + purpose - 1, 1) === 1;
    if (hasBasis(purpose, vendor, restrictions[purpose]!, byConsent, byInterest)) basis |= 1 << purpose;
  }
  if (bits.read(AT.specialFeatures, 1) === 1) basis |= PRECISE_GEO_BIT;
  return bits.overrun || cursor.broken ? 0 : basis;
}
const cursor: Cursor = { at: 0, broken: false };
/** Per purpose a bit for each restriction type that applies to our vendor. */
const restrictions = new Uint8Array(64);

/** The rule of the TCF policies: the declared basis, unless the publisher asks for the other one and we are flexible. */
function hasBasis(
  purpose: number,
  vendor: VendorDeclaration,
  restricted: number,
  byConsent: boolean,
  byInterest: boolean,
): boolean {
  if ((restricted & (1 << RESTRICTION.notAllowed)) !== 0) return false;
  const needConsent = (restricted & (1 << RESTRICTION.requireConsent)) !== 0;
  const needInterest = (restricted & (1 << RESTRICTION.requireInterest)) !== 0;
  if (needConsent && needInterest) return false;
  const declaresInterest = !CONSENT_ONLY.has(purpose) && vendor.legitimateInterestPurposes.includes(purpose);
  const usesInterest = needInterest || (declaresInterest && !needConsent);
  if (usesInterest !== declaresInterest && !vendor.flexiblePurposes.includes(purpose)) return false;
  return usesInterest ? byInterest : byConsent;
}

/** One vendor section: a bit field or ranges. Leaves the cursor behind it. @returns whether `vendorId` is in it */
function readVendor(bits: BitReader, position: Cursor, vendorId: number): boolean {
  const maxVendorId = bits.read(position.at, 16);
  const isRange = bits.read(position.at + 16, 1) === 1;
  position.at += 17;
  if (isRange) return readRanges(bits, position, vendorId);
  const found = vendorId <= maxVendorId && bits.read(position.at + vendorId - 1, 1) === 1;
  position.at += maxVendorId;
  return found;
}

function readRanges(bits: BitReader, position: Cursor, vendorId: number): boolean {
  const entries = bits.read(position.at, 12);
  position.at += 12;
  let found = false;
  for (let i = 0; i < entries && !bits.overrun; i++) {
    const isRange = bits.read(position.at, 1) === 1;
    const first = bits.read(position.at + 1, 16);
    const last = isRange ? bits.read(position.at + 17, 16) : first;
    position.at += isRange ? 33 : 17;
    // No vendor has the id 0 and no range runs backwards: such a string is damaged and says nothing.
    if (first === 0 || last < first) position.broken = true;
    if (vendorId >= first && vendorId <= last) found = true;
  }
  return found;
}

function readRestrictions(bits: BitReader, position: Cursor, vendorId: number, out: Uint8Array): void {
  out.fill(0);
  const count = bits.read(position.at, 12);
  position.at += 12;
  for (let i = 0; i < count && !bits.overrun; i++) {
    const purpose = bits.read(position.at, 6);
    const type = bits.read(position.at + 6, 2);
    position.at += 8;
    if (purpose === 0 || type > RESTRICTION.requireInterest) position.broken = true;
    if (readRanges(bits, position, vendorId)) out[purpose] = out[purpose]! | (1 << type);
  }
}
