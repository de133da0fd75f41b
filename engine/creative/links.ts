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

/** @param baseUrl without a trailing slash; @param impressionBills the impression beacon then carries the price */
export function linksFor(baseUrl: string, impressionBills: boolean): Links {
  const price = 'price=${AUCTION_PRICE}';
  return {
    win: `${baseUrl}/notice/win/${PLACE.token}?${price}`,
    bill: `${baseUrl}/notice/bill/${PLACE.token}?${price}`,
    loss: `${baseUrl}/notice/loss/${PLACE.token}?${price}&loss=\${AUCTION_LOSS}&mtw=\${AUCTION_MIN_TO_WIN}`,
    impression: `${baseUrl}/event/imp/${PLACE.token}${impressionBills ? `?${price}` : ''}`,
    click: `${baseUrl}/event/click/${PLACE.token}`,
    video: (event) => `${baseUrl}/event/video/${PLACE.token}?e=${event}`,
  };
}
