import type { ExchangeProfile } from '../config.ts';
import { PLACE } from './template.ts';

/** Our links for one bid, with the token's place still to be filled. Macros are the exchange's to fill. */
export interface Links {
  readonly win: string;
  readonly bill: string;
  readonly loss: string;
  readonly impression: string;
  readonly click: string;
  video(event: string): string;
}

/**
 * Links as one exchange needs them. The place for the currency stands where a price comes back: prices are in the
 * currency of the response.
 * @param baseUrl without a trailing slash
 */
export function linksFor(baseUrl: string, profile: ExchangeProfile): Links {
  const price = `price=${profile.price.scheme === 'base64' ? '${AUCTION_PRICE:B64}' : '${AUCTION_PRICE}'}${PLACE.currency}`;
  // How the clearing price relates to the bid: what is billed when the price itself did not come through.
  const ratio = profile.price.scheme === 'google' ? '' : '&mbr=${AUCTION_MBR}';
  const ownClick = `${baseUrl}/event/click/${PLACE.token}`;
  const click = profile.clickMacroEncodes ? encodeURIComponent(ownClick) : ownClick;
  return {
    win: `${baseUrl}/notice/win/${PLACE.token}?${price}${ratio}`,
    bill: `${baseUrl}/notice/bill/${PLACE.token}?${price}${ratio}`,
    loss: `${baseUrl}/notice/loss/${PLACE.token}?${price}&loss=\${AUCTION_LOSS}&mtw=\${AUCTION_MIN_TO_WIN}`,
    // The price also tells an audit, in which nothing is shown to anybody, from a real impression.
    impression: `${baseUrl}/event/imp/${PLACE.token}?${price}`,
    click: `${profile.clickMacro}${click}`,
    video: (event) => `${baseUrl}/event/video/${PLACE.token}?e=${event}`,
  };
}
