import type { Nanos } from '../../core/money.ts';
import type { ExchangeProfile } from '../config.ts';
import { plainPrice } from './query.ts';

/** Reads what an exchange put for `${AUCTION_PRICE}`; null when it can not be read. */
export type PriceReader = (text: string | null) => Nanos | null;

/** The reader for a profile's price scheme. */
export function priceReader(profile: ExchangeProfile): PriceReader {
  if (profile.price.scheme === 'plain') return plainPrice;
  return () => null;
}
