import type { BidToken } from '../../core/token.ts';

/** What is in the token of an event of the person to be erased. */
export const erasedToken: BidToken = {
  bidId: '0000000a0000000000000001',
  bidAtMs: 1_790_000_000_000,
  capNanos: 1000,
  advertiserId: 1,
  campaignId: 2,
  lineItemId: 3,
  creativeId: 4,
  billingEvent: 'bill',
  test: false,
  user: '00112233aabbccdd',
  exchange: 'demo',
  dealId: '',
  domain: 'a.example',
  country: 'DEU',
  region: '',
  os: '',
  deviceType: 2,
  mtype: 1,
  w: 300,
  h: 250,
};
