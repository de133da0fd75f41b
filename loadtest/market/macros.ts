import type { Nanos } from '../../core/money.ts';
import { nanosToCpm } from '../../core/money.ts';

/** What an exchange puts in place of OpenRTB substitution macros (OpenRTB 2.6, section 4.4). */
export interface MacroValues {
  readonly auctionId: string;
  readonly bidId: string;
  readonly impId: string;
  readonly seatId: string;
  readonly adId: string;
  readonly currency: string;
  /** Clearing price; null leaves the macro empty, as in a loss notice to a bidder who may not know. */
  readonly priceNanos: Nanos | null;
  /** Loss reason code, 0 for a won bid. */
  readonly lossCode: number;
  readonly minToWinNanos: Nanos | null;
}

const MACRO = /(?:\$\{|%24%7B)(AUCTION_[A-Z_]+)(?::B64|%3AB64)?(?:\}|%7D)/gi;

/** Replaces `${AUCTION_…}` macros, also where the braces were percent-encoded; `:B64` gives base64. */
export function substituteMacros(text: string, values: MacroValues): string {
  if (!text.includes('AUCTION_')) return text;
  return text.replace(MACRO, (whole: string, name: string) => {
    const value = macroValue(name.toUpperCase(), values);
    if (value === null) return whole;
    return /B64/i.test(whole) ? Buffer.from(value).toString('base64') : value;
  });
}

function macroValue(name: string, values: MacroValues): string | null {
  switch (name) {
    case 'AUCTION_ID':
      return values.auctionId;
    case 'AUCTION_BID_ID':
      return values.bidId;
    case 'AUCTION_IMP_ID':
      return values.impId;
    case 'AUCTION_SEAT_ID':
      return values.seatId;
    case 'AUCTION_AD_ID':
      return values.adId;
    case 'AUCTION_PRICE':
      return values.priceNanos === null ? '' : nanosToCpm(values.priceNanos);
    case 'AUCTION_CURRENCY':
      return values.currency;
    case 'AUCTION_LOSS':
      return String(values.lossCode);
    case 'AUCTION_MIN_TO_WIN':
      return values.minToWinNanos === null ? '' : nanosToCpm(values.minToWinNanos);
    case 'AUCTION_MBR':
    case 'AUCTION_MULTIPLIER':
    case 'AUCTION_IMP_TS':
      return '';
    default:
      return null;
  }
}
