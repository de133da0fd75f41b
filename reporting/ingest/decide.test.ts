import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LoggedEvent, loggedEventSchema } from '../../core/event.ts';
import { seededRandom } from '../../core/random.ts';
import { type BidToken, signToken } from '../../core/token.ts';
import type { Touch } from '../store/store.ts';
import { createClaims } from './claims.ts';
import { type DecideConfig, decideEvent } from './decide.ts';
import { createTrafficScorer } from './traffic.ts';
import { bidToken, otherKey, testKey } from './truth.case.ts';

const HOUR_MS = 3_600_000;
const BID_AT_MS = 500_000 * HOUR_MS;
const config: DecideConfig = {
  tokenKeys: [testKey],
  tokenLifetimeMs: 24 * HOUR_MS,
  conversionLifetimeMs: 30 * 24 * HOUR_MS,
  horizonMs: 24 * HOUR_MS,
  scorer: null,
  windowsOf: (lineItemId) => ({ clickMs: (lineItemId === 77 ? 1 : 30) * 24 * HOUR_MS, viewMs: 24 * HOUR_MS }),
};
const token: BidToken = { ...bidToken(seededRandom(1), 1, 1, BID_AT_MS), capNanos: 1000, billingEvent: 'bill' };

interface Sent extends Partial<LoggedEvent> {
  readonly bid?: Partial<BidToken>;
  readonly appendedMs?: number;
}

function decider(settings: Partial<DecideConfig> = {}) {
  const claims = createClaims({ eventsMs: config.horizonMs, conversionsMs: 31 * 24 * HOUR_MS });
  let offset = 0;
  return (sent: Sent | Buffer | null, touches: readonly Touch[] = []) => {
    const value = sent === null || Buffer.isBuffer(sent) ? sent : Buffer.from(JSON.stringify(event(sent)));
    const appendedMs = (sent as Sent | null)?.appendedMs ?? BID_AT_MS + 1000;
    return decideEvent(
      claims,
      { offset: offset++, key: '', value, appendedMs },
      0,
      { ...config, ...settings },
      touches,
    );
  };
}

function event({ bid, appendedMs: _, ...parts }: Sent): LoggedEvent {
  const signed = signToken({ ...token, ...bid }, testKey);
  return loggedEventSchema.parse({
    v: 1,
    type: 'bill',
    token: signed,
    atMs: BID_AT_MS + 900,
    priceNanos: 700,
    ...parts,
  });
}

const conversion = { advertiserId: 1, user: '', orderId: 'o-1', valueMicros: 5, currency: 'EUR' };

describe('what becomes of an event', () => {
  const cases: readonly [string, Sent | Buffer | null, string, string, number][] = [
    ['a bill', {}, 'accepted', '', 700],
    ['a bill over the cap', { priceNanos: 1001 }, 'accepted', 'over_cap', 1000],
    ['a bill without a price', { priceNanos: null }, 'accepted', 'price_missing', 1000],
    ['a win where bills bill', { type: 'win' }, 'accepted', '', 0],
    ['a win where wins bill', { type: 'win', bid: { billingEvent: 'win' } }, 'accepted', '', 700],
    ['a bill of a test bid', { bid: { test: true } }, 'invalid', 'test_bid', 0],
    ['a bill a day late', { atMs: BID_AT_MS + 24 * HOUR_MS + 1 }, 'invalid', 'expired', 0],
    ['a bill from before its bid', { atMs: BID_AT_MS - 300_001 }, 'invalid', 'from_future', 0],
    ['a bill from a clock slightly behind', { atMs: BID_AT_MS - 299_000 }, 'accepted', '', 700],
    [
      'a record that waited past the horizon',
      { appendedMs: BID_AT_MS + 25 * HOUR_MS },
      'quarantined',
      'past_horizon',
      0,
    ],
    ['a forged token', { token: signToken(token, otherKey) }, 'invalid', 'forged', 0],
    [
      'a broken token',
      { token: Buffer.from(signToken(token, testKey), 'base64url').subarray(0, -1).toString('base64url') },
      'invalid',
      'forged',
      0,
    ],
    ['a word for a token', { token: 'token' }, 'invalid', 'malformed_token', 0],
    ['no token', { token: '' }, 'invalid', 'no_token', 0],
    [
      'a conversion of another advertiser',
      { type: 'conversion', conversion: { ...conversion, advertiserId: 9 } },
      'invalid',
      'wrong_advertiser',
      0,
    ],
    [
      'a conversion after three weeks',
      { type: 'conversion', conversion, atMs: BID_AT_MS + 500 * HOUR_MS, appendedMs: BID_AT_MS + 500 * HOUR_MS },
      'accepted',
      '',
      0,
    ],
    ['nothing', null, 'quarantined', 'undecodable', 0],
    ['no JSON', Buffer.from('{"v":1'), 'quarantined', 'undecodable', 0],
    ['bytes', Buffer.from([0xff, 0xfe]), 'quarantined', 'undecodable', 0],
    ['an unknown field', Buffer.from(JSON.stringify({ ...event({}), extra: 1 })), 'quarantined', 'undecodable', 0],
    [
      'a price that is no integer',
      Buffer.from(JSON.stringify({ ...event({}), priceNanos: 0.5 })),
      'quarantined',
      'undecodable',
      0,
    ],
  ];
  for (const [name, sent, status, reason, billedNanos] of cases) {
    it(`${name}: ${status}${reason === '' ? '' : `, ${reason}`}`, () => {
      expect(decider()(sent)).toMatchObject({ status, reason, billedNanos });
    });
  }

  it('the same event again is a duplicate, with another price too', () => {
    const decide = decider();
    expect(decide({}).status).toBe('accepted');
    expect(decide({ priceNanos: 999 })).toMatchObject({ status: 'duplicate', billedNanos: 0, billing: false });
    expect(decide({ type: 'impression' }).status).toBe('accepted');
    expect(decide({ type: 'video', detail: 'start' }).status).toBe('accepted');
    expect(decide({ type: 'video', detail: 'midpoint' }).status).toBe('accepted');
    expect(decide({ type: 'video', detail: 'start' }).status).toBe('duplicate');
  });

  it('a refused event does not take the place of a good one', () => {
    const decide = decider();
    expect(decide({ atMs: BID_AT_MS - HOUR_MS }).reason).toBe('from_future');
    expect(decide({}).status).toBe('accepted');
  });

  it('an order counts once, whatever click it comes with', () => {
    const decide = decider();
    expect(decide({ type: 'conversion', conversion })).toMatchObject({
      status: 'accepted',
      attribution: 'click',
      valueMicros: 5,
    });
    const other = { bidId: 'ffffffff0000000000000001' };
    expect(decide({ type: 'conversion', conversion, bid: other }).status).toBe('duplicate');
    expect(decide({ type: 'conversion', conversion: { ...conversion, orderId: 'o-2' }, bid: other }).status).toBe(
      'accepted',
    );
  });

  it('a conversion without a click id belongs to the last click of its user, else the last view, else nobody', () => {
    const user = '00000000000000ab';
    const touch = (click: boolean, hoursAgo: number, bid: Partial<BidToken> = {}): Touch => ({
      click,
      atMs: BID_AT_MS - hoursAgo * HOUR_MS,
      token: { ...token, user, bidAtMs: BID_AT_MS - hoursAgo * HOUR_MS, ...bid },
    });
    let order = 0;
    const convert = (touches: readonly Touch[], parts: Partial<typeof conversion> = {}) => {
      const row = decider()(
        {
          type: 'conversion',
          token: '',
          conversion: { ...conversion, user, orderId: `n-${order++}`, ...parts },
          atMs: BID_AT_MS,
        },
        touches,
      );
      return [row.status, row.attribution, row.token?.campaignId ?? row.reason];
    };
    const [seen, clicked] = [touch(false, 1, { campaignId: 1 }), touch(true, 200, { campaignId: 2 })];
    expect(convert([])).toEqual(['invalid', '', 'unattributed']);
    expect(convert([seen])).toEqual(['accepted', 'view', 1]);
    expect(convert([seen, clicked]), 'clicks before views').toEqual(['accepted', 'click', 2]);
    expect(convert([clicked, touch(true, 3, { campaignId: 3 })]), 'the later click').toEqual(['accepted', 'click', 3]);
    expect(convert([touch(false, 25)]), 'views have a day').toEqual(['invalid', '', 'unattributed']);
    expect(convert([touch(true, 25, { lineItemId: 77 })]), 'its own window').toEqual(['invalid', '', 'unattributed']);
    expect(convert([touch(true, -1)]), 'a click afterwards').toEqual(['invalid', '', 'unattributed']);
    expect(convert([clicked], { advertiserId: 9 }), 'of another advertiser').toEqual(['invalid', '', 'unattributed']);
    expect(convert([clicked], { user: 'ffffffffffffffff' }), 'of another user').toEqual([
      'invalid',
      '',
      'unattributed',
    ]);
  });

  it('an order is one conversion, by click id or by user', () => {
    const decide = decider();
    const user = '00000000000000ab';
    const touches = [{ click: true, atMs: BID_AT_MS, token: { ...token, user } }];
    const byUser = { type: 'conversion' as const, token: '', conversion: { ...conversion, user } };
    expect(decide({ type: 'conversion', conversion }).status).toBe('accepted');
    expect(decide(byUser, touches).status).toBe('duplicate');
    expect(decide({ ...byUser, conversion: { ...byUser.conversion, orderId: 'o-2' } }, touches).status).toBe(
      'accepted',
    );
    expect(decide({ ...byUser, conversion: { ...byUser.conversion, orderId: 'o-2' } }, touches).status).toBe(
      'duplicate',
    );
  });

  it('invalid traffic is marked, never billed, and holds its id', () => {
    const decide = decider({ scorer: { judge: (sent) => (sent.ip === '' ? null : 'bot'), repeated: () => {} } });
    expect(decide({ ip: '192.0.2.1' })).toMatchObject({
      status: 'invalid',
      reason: 'bot',
      billedNanos: 0,
      claimed: true,
    });
    expect(decide({}).status).toBe('duplicate');
  });

  it('a token sent from many addresses is believed no more, though each repeat is only a duplicate', () => {
    const decide = decider({ scorer: createTrafficScorer() });
    const shown = (ip: string) => decide({ type: 'impression', ip }).status;
    expect([1, 2, 3, 4, 5].map((n) => shown(`192.0.2.${n}`))).toEqual(['accepted', ...Array(4).fill('duplicate')]);
    const click = { type: 'click' as const, atMs: BID_AT_MS + 5000, ip: '192.0.2.1' };
    expect(decide(click)).toMatchObject({ status: 'invalid', reason: 'ip_spread', billedNanos: 0 });
  });

  it('a click counts after its impression or billing notice, not after a win alone', () => {
    const click = { type: 'click' as const, atMs: BID_AT_MS + 5000, ip: '192.0.2.1' };
    const clicked = (...types: LoggedEvent['type'][]) => {
      const decide = decider({ scorer: createTrafficScorer() });
      for (const type of types) decide({ type });
      return decide(click).reason;
    };
    expect(clicked()).toBe('click_without_impression');
    expect(clicked('win')).toBe('click_without_impression');
    expect(clicked('win', 'bill')).toBe('');
    expect(clicked('impression')).toBe('');
  });

  it('is booked to the time of its bid and marked when it is late', () => {
    const row = decider()({ atMs: BID_AT_MS + HOUR_MS + 1 });
    expect(row).toMatchObject({ timeMs: BID_AT_MS, late: true, status: 'accepted' });
  });

  it('gives one row for any bytes', () => {
    const decide = decider();
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          const row = decide(Buffer.from(bytes));
          expect(row.status).toBe('quarantined');
          const back = row.raw.startsWith('base64:') ? Buffer.from(row.raw.slice(7), 'base64') : Buffer.from(row.raw);
          expect(back.equals(Buffer.from(bytes))).toBe(true);
        },
      ),
    );
  });
});
