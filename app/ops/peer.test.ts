import { describe, expect, it } from 'vitest';
import { manualClock } from '../../core/clock.ts';
import { NEAR } from '../../core/nearbids.ts';
import { createInProcessBidder } from '../../engine/bench/inprocess.ts';
import { createInventory } from '../../engine/bench/inventory.ts';
import { createTraffic } from '../../engine/bench/traffic.ts';
import { createBidHandler } from '../../engine/bid/handler.ts';
import type { HttpCall, Reply } from '../../engine/http/transport.ts';
import { createLinearBidder } from '../../loadtest/peers/linearbidder.ts';
import type { BidRequest } from '../../loadtest/peers/requestshape.ts';

const LINE_ITEMS = 500;
const REQUESTS = 600;

interface Response {
  readonly seatbid: readonly { readonly bid: readonly { readonly crid: string; readonly price: number }[] }[];
}

/** What wins each request; no creative and price 0 for no bid. */
function winnersOf(answer: (body: Buffer) => Response | null): { readonly crid: string; readonly price: number }[] {
  return createTraffic({ seed: 7, count: REQUESTS }).map((body) => {
    const { crid, price } = answer(body)?.seatbid[0]?.bid[0] ?? { crid: '', price: 0 };
    return { crid, price };
  });
}

describe('the peer that the bid bench compares with', () => {
  it('decides as we do, so that only the cost differs', () => {
    const { deps } = createInProcessBidder(LINE_ITEMS);
    // Its own time stands still: a pause of the machine is no time-out.
    const clock = manualClock(deps.clock.nowMs());
    const handler = createBidHandler({ ...deps, clock });
    let reply: Reply = { status: 204 };
    const call: HttpCall = {
      method: 'POST',
      path: '',
      query: '',
      header: () => '',
      remoteIp: () => '',
      send: (given) => {
        reply = given.body instanceof Uint8Array ? { ...given, body: Buffer.from(given.body) } : given;
      },
    };
    const ours = winnersOf((body) => {
      handler.take(call, 'demo', body, body.length);
      handler.decide();
      return reply.status === 200 ? (JSON.parse(reply.body!.toString()) as Response) : null;
    });
    const { changes } = createInventory({ seed: 1, lineItems: LINE_ITEMS });
    const key = { id: 1, secret: Buffer.from('benchmark benchmark benchmark 32') };
    const peer = createLinearBidder(changes, { key, exchange: 'demo', baseUrl: 'https://bid.example' });
    const theirs = winnersOf(
      (body) => peer.bid(JSON.parse(body.toString()) as BidRequest, clock.nowMs()) as Response | null,
    );
    expect(theirs.filter(({ crid }) => crid !== '').length).toBeGreaterThan(REQUESTS / 3);
    // The peer sells to the dearest; we draw among those that bid nearly as much.
    const drawn = ours.filter(({ crid }, at) => crid !== theirs[at]!.crid);
    expect(drawn.length).toBeLessThan(REQUESTS / 10);
    ours.forEach(({ crid, price }, at) => {
      if (crid === theirs[at]!.crid) expect(price).toBe(theirs[at]!.price);
      expect(price).toBeLessThanOrEqual(theirs[at]!.price);
      expect(price).toBeGreaterThanOrEqual(theirs[at]!.price * (1 - NEAR));
    });
  });
});
