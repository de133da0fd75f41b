/**
 * Why a request, or one line item in it, got no bid, in the order of the funnel. `nbr` is the OpenRTB 2.6 / AdCOM 1.0
 * no-bid reason code (List: No-Bid Reason Codes) sent to exchanges whose profile asks for one.
 */
export const noBidReasons = {
  invalid_request: { stage: 'request', nbr: 2, says: 'The request could not be read as OpenRTB.' },
  unknown_exchange: { stage: 'request', nbr: 2, says: 'No profile for this exchange.' },
  unsupported_format: { stage: 'request', nbr: 2, says: 'No impression is of a media type we sell.' },
  unsupported_currency: { stage: 'request', nbr: 2, says: 'No accepted currency can be converted.' },
  timeout: { stage: 'request', nbr: 15, says: 'The deadline could not be met.' },
  overload: { stage: 'request', nbr: 500, says: 'Shed because the server was at its limit.' },
  qps_limit: { stage: 'request', nbr: 500, says: 'Past the exchange profile’s QPS limit.' },
  draining: { stage: 'request', nbr: 500, says: 'The server is shutting down.' },
  not_ready: { stage: 'request', nbr: 500, says: 'Campaigns, credit or the event log are not there yet.' },
  killed: { stage: 'request', nbr: 500, says: 'Stopped by a kill switch.' },
  supply_chain: {
    stage: 'request',
    nbr: 16,
    says: 'No complete supply chain (schain), which this exchange must send.',
  },
  no_candidates: { stage: 'targeting', nbr: 500, says: 'No active line item targets this impression.' },
  targeting: { stage: 'targeting', nbr: 500, says: 'Targeting does not match.' },
  flight: { stage: 'targeting', nbr: 500, says: 'Outside the flight or the hours of day-parting.' },
  privacy: { stage: 'privacy', nbr: 500, says: 'Consent or privacy flags do not allow it.' },
  frequency_cap: { stage: 'caps', nbr: 9, says: 'The user has seen it often enough.' },
  blocked_category: { stage: 'blocks', nbr: 500, says: 'A category the publisher blocks (bcat).' },
  blocked_advertiser: { stage: 'blocks', nbr: 500, says: 'An advertiser domain the publisher blocks (badv).' },
  blocked_app: { stage: 'blocks', nbr: 500, says: 'An app the publisher blocks (bapp).' },
  blocked_attribute: {
    stage: 'blocks',
    nbr: 500,
    says: 'A creative attribute or banner type the publisher blocks (battr, btype).',
  },
  seat_blocked: { stage: 'blocks', nbr: 500, says: 'Our seat is not allowed (wseat, bseat).' },
  below_floor: { stage: 'floor', nbr: 500, says: 'Our highest price is below the floor.' },
  deal: { stage: 'floor', nbr: 500, says: 'The private auction has no deal for it.' },
  pacing: { stage: 'pacing', nbr: 500, says: 'Held back by the pacer to follow the plan.' },
  unpaced: { stage: 'pacing', nbr: 500, says: 'The pacer has not spoken of it yet.' },
  budget: { stage: 'budget', nbr: 500, says: 'No credit left on a level of the budget.' },
  creative_size: { stage: 'creative', nbr: 500, says: 'No creative fits the impression.' },
  creative_approval: { stage: 'creative', nbr: 500, says: 'No fitting creative is approved for this exchange.' },
  creative_insecure: { stage: 'creative', nbr: 500, says: 'The impression must be secure and the creative is not.' },
  separation: { stage: 'auction', nbr: 500, says: 'The advertiser or ad is already on the page or in the pod.' },
  lost_internal: { stage: 'auction', nbr: 500, says: 'Another of our line items was worth more.' },
  ring_full: { stage: 'request', nbr: 500, says: 'The buffer to the event log was full.' },
} as const satisfies Record<string, NoBidReasonInfo>;

export interface NoBidReasonInfo {
  readonly stage: Stage;
  readonly nbr: number;
  readonly says: string;
}

/** The stages of the funnel, in order. */
export const stages = [
  'request',
  'targeting',
  'privacy',
  'caps',
  'blocks',
  'floor',
  'pacing',
  'budget',
  'creative',
  'auction',
] as const;
export type Stage = (typeof stages)[number];
export type NoBidReason = keyof typeof noBidReasons;

/** All reasons in a fixed order: the index is what counters in shared memory use. */
export const noBidReasonList = Object.keys(noBidReasons) as readonly NoBidReason[];
