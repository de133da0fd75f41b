import { describe, expect, it } from 'vitest';
import { createInProcessBidder } from '../bench/inprocess.ts';
import { createTraffic } from '../bench/traffic.ts';
import { explain } from '../bid/explain.ts';
import { defaultProfile } from '../config.ts';
import { RequestScan } from '../request/scan.ts';
import { Auction, type Tally } from './auction.ts';

interface Explained {
  readonly imps: readonly { readonly lineItems: readonly { readonly lineItemId: number; readonly reason: string }[] }[];
}

describe('the auction that stops early', () => {
  it('sells to whom a look at every line item would sell, at the same price', () => {
    const { deps } = createInProcessBidder(600);
    let judged = 0;
    const tally: Tally = { weigh() {}, matched: () => judged++, refused() {}, bid() {} };
    const auction = new Auction(deps.catalog, deps.gate, tally, deps.rates, deps.insight, 600);
    const scan = new RequestScan();
    const requests = createTraffic({ seed: 9, count: 120, unwinnableShare: 0.2 });
    let sold = 0;
    for (const body of requests) {
      const bytes = Buffer.concat([body, Buffer.alloc(1)]);
      expect(scan.scan(bytes, body.length)).toBeNull();
      const now = deps.clock.nowMs();
      const report = explain(scan, defaultProfile, now, deps) as Explained;
      const best = report.imps[0]!.lineItems.filter(({ reason }) => reason === 'bid').map((line) => line.lineItemId);
      const { bids } = auction.run(scan, defaultProfile, now, () => true);
      expect(bids).toHaveLength(Math.min(1, best.length));
      if (bids.length === 0) continue;
      sold++;
      expect(best).toEqual([bids[0]!.line.item.id]);
    }
    expect(sold).toBeGreaterThan(70);
    // Looking at every match would judge about 7 of 600 for each winnable request.
    expect(judged / requests.length).toBeLessThan(3.5);
  });
});
