import type { Nanos } from '../../core/money.ts';
import { type Rates, rateOf } from '../auction/currency.ts';
import type { ExchangeProfile } from '../config.ts';
import { readGooglePrice } from './googleprice.ts';
import { plainPrice } from './query.ts';

/** Reads what an exchange put for `${AUCTION_PRICE}`; null when it can not be read. */
export type PriceReader = (text: string | null) => Nanos | null;

/** The reader for a profile's price scheme. @throws RangeError when a key is not base64url */
export function priceReader(profile: Pick<ExchangeProfile, 'price'>): PriceReader {
  const { price } = profile;
  switch (price.scheme) {
    case 'plain':
      return plainPrice;
    case 'base64':
      return (text) => (text === null ? null : plainPrice(Buffer.from(text, 'base64').toString('latin1')));
    case 'google': {
      const encryptionKey = Buffer.from(price.encryptionKey, 'base64url');
      const integrityKey = Buffer.from(price.integrityKey, 'base64url');
      return (text) => (text === null ? null : readGooglePrice(text, encryptionKey, integrityKey));
    }
  }
}

/** What exchanges put for a price when they render an ad only to look at it (OpenRTB 2.6 §4.4): nothing happened. */
export function isAudit(text: string | null): boolean {
  return text === 'AUDIT' || text === 'QVVESVQ=' || text === 'QVVESVQ';
}

/** A price in one currency as nanos of another. @returns null when a rate is not known */
export function converted(nanos: Nanos | null, from: string, to: string, rates: Rates): Nanos | null {
  if (nanos === null || from === to) return nanos;
  const result = Math.round((nanos * rateOf(rates, from)) / rateOf(rates, to));
  return Number.isSafeInteger(result) ? result : null;
}
