import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type ManualClock, manualClock } from '../../core/clock.ts';
import { bidResponseSchema } from '../../core/openrtb.ts';
import { seededRandom } from '../../core/random.ts';
import { readToken } from '../../core/token.ts';
import { createTracer, type SpanRecord } from '../../core/trace.ts';
import { blankInsight } from '../auction/insight.ts';
import { Catalog } from '../catalog/catalog.ts';
import { defaultProfile, type ExchangeProfile } from '../config.ts';
import type { HttpCall, Reply } from '../http/transport.ts';
import { createSharedCredit, creditBank, creditOf } from '../shared/credit.ts';
import { createCreditGate } from '../shared/creditgate.ts';
import { createSharedPace, writePace } from '../shared/pace.ts';
import { readRecord } from '../shared/records.ts';
import { createSharedRing, readRing, ringWriter } from '../shared/ring.ts';
import { createSharedStatus, setDraining, setReady } from '../shared/status.ts';
import { createCounters } from '../stats/counters.ts';
import { smallInventory } from '../testing/inventory.case.ts';
import { createBidIds } from './bidid.ts';
import { type BidHandlerDeps, createBidHandler } from './handler.ts';
import { createRateLimits } from './shedding.ts';

const START_MS = 1_800_000_000_000;
const MAX_BODY = 64 * 1024;
const key = { id: 1, secret: Buffer.from('a key for tests, 32 bytes long!!') };
const request = { id: 'r', imp: [{ id: 'i', banner: { w: 300, h: 250 } }], site: { domain: 'a.example' } };

/** A bid handler on everything real but sockets and threads. */
function bed(changes: Partial<ExchangeProfile> = {}, overrides: Partial<BidHandlerDeps> = {}, ringBytes = 65_536) {
  const clock: ManualClock = manualClock(START_MS);
  const catalog = new Catalog(() => 'https://bid.example');
  for (const change of smallInventory()) catalog.apply({ change, slot: 0 });
  const credit = createSharedCredit(1, START_MS);
  const bank = creditBank(credit);
  bank.setWindow(0, START_MS, START_MS + 600_000);
  bank.add(0, 1_000_000_000n);
  const pace = createSharedPace(1);
  writePace(pace, 0, 1_000_000, 1_000_000, [0]);
  const ring = createSharedRing(ringBytes);
  const status = createSharedStatus();
  setReady(status, true);
  const counters = createCounters();
  const handler = createBidHandler({
    catalog,
    gate: createCreditGate(credit, pace),
    ring: ringWriter(ring),
    counters,
    status,
    clock,
    profiles: new Map([['demo', { ...defaultProfile, ...changes }]]),
    signingKey: key,
    rates: new Map([['USD', 1]]),
    threads: 1,
    loop: { isLate: () => false, setMaxLag() {}, stop() {} },
    onDefect(error) {
      throw error;
    },
    operatorKeyHashes: [],
    tracer: null,
    insight: blankInsight(),
    newBidId: createBidIds(0xabcdef01, 3),
    maxBodyBytes: MAX_BODY,
    maxLineItems: 10,
    marginMs: 2,
    ...overrides,
  });
  function take(replies: Reply[], body: unknown, headers: Record<string, string> = {}, query = ''): void {
    const call: HttpCall = {
      method: 'POST',
      path: '/openrtb2/bid/demo',
      query,
      header(name) {
        read.add(name);
        return headers[name] ?? '';
      },
      remoteIp: () => '',
      send: (reply) => {
        // The body is only valid until the next request.
        replies.push(reply.body instanceof Uint8Array ? { ...reply, body: Buffer.from(reply.body) } : reply);
      },
    };
    const text = Buffer.from(JSON.stringify(body));
    const bytes = Buffer.alloc(text.length + 1);
    text.copy(bytes);
    handler.take(call, 'demo', bytes, text.length);
    bytes.fill(0);
  }
  function post(body: unknown, headers: Record<string, string> = {}, query = ''): Reply {
    const replies: Reply[] = [];
    take(replies, body, headers, query);
    handler.decide();
    expect(replies.length).toBe(1);
    return replies[0]!;
  }
  const read = new Set<string>();
  const reasons = () => {
    const counts = counters.take().exchanges.get('demo');
    return counts === undefined ? 0 : counts.noBids.reduce((sum, count) => sum + count, 0);
  };
  return {
    post,
    take,
    decide: () => handler.decide(),
    clock,
    status,
    credit,
    ring,
    reasons,
    read,
    drawn: () => counters.take().traffic.requests,
  };
}
const bodyOf = (reply: Reply) => JSON.parse(String(reply.body));

describe('the bid handler', () => {
  it('traces what is drawn, stage by stage, and does not look for a trace where there are none', () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const off = bed();
    off.post(request, { traceparent });
    expect(off.read).not.toContain('traceparent');
    const spans: SpanRecord[] = [];
    const tracer = createTracer({
      ratio: 0,
      maxPerSecond: 10,
      clock: manualClock(START_MS),
      random: seededRandom(1),
      add: (span) => spans.push(span),
      onRefused: () => {},
    });
    const on = bed({}, { tracer });
    on.post(request, { traceparent });
    expect(spans.map(({ name }) => name)).toEqual(['bid.read', 'bid.auction', 'bid.answer', 'bid']);
    expect(spans.at(-1)?.attributes).toEqual({ 'evenkeel.exchange': 'demo' });
    on.post({ ...request, imp: [] }, { traceparent });
    expect(spans.at(-1)?.attributes).toEqual({ 'evenkeel.exchange': 'demo', 'evenkeel.error': 'missing_imp' });
    on.post(request);
    expect(spans, 'what nobody draws').toHaveLength(6);
  });

  it('draws a request with what each of its impressions offers, and answers it as if it had not', () => {
    const { post, drawn } = bed();
    const many = Array.from({ length: 12 }, (_, i) => ({ id: `more${i}`, banner: { w: 728, h: 90, pos: 3 } }));
    const pmp = { deals: [{ id: 'gold' }] };
    const bid = bidResponseSchema.parse(bodyOf(post({ ...request, imp: [{ ...request.imp[0], pmp }, ...many] })));
    expect(bid.seatbid![0]!.bid[0]).toMatchObject({ impid: 'i', w: 300, h: 250 });
    const [only, none] = drawn();
    expect(none).toBeUndefined();
    expect(only).toMatchObject({ known: false, terms: { domain: ['a.example', 'example'] }, audiences: [] });
    expect(only!.impressions).toHaveLength(8);
    expect(only!.impressions!.slice(0, 2)).toEqual([
      { size: ['300x250'], deal: ['gold'], rewarded: ['0'], interstitial: ['0'] },
      { size: ['728x90'], position: ['3'], rewarded: ['0'], interstitial: ['0'] },
    ]);
  });

  it('answers a request that can not be drawn, and counts the defect as no error of it', () => {
    const counters = createCounters();
    const broken = {
      ...counters,
      traffic: {
        ...counters.traffic,
        draws: () => {
          throw new Error('drawing is broken');
        },
      },
    };
    const defects: unknown[] = [];
    const { post } = bed({}, { counters: broken, onDefect: (error) => defects.push(error) });
    expect(post(request).status).toBe(200);
    const { exchanges, codes } = counters.take();
    expect(exchanges.get('demo')).toMatchObject({ answered: 1, errors: 0 });
    expect([...codes]).toEqual([['draw_failed', 1]]);
    expect(defects).toHaveLength(1);
  });

  it('signs who, what, where and how much, and reserves exactly that', () => {
    const { post, ring, credit } = bed();
    const bid = bidResponseSchema.parse(bodyOf(post(request))).seatbid![0]!.bid[0]!;
    const token = readToken(/win\/([^?]+)/.exec(bid.nurl)![1]!, [key]);
    expect(token).toMatchObject({
      bidId: bid.id,
      bidAtMs: START_MS,
      capNanos: 2_000_000,
      advertiserId: 1,
      campaignId: 10,
      lineItemId: 100,
      creativeId: 1000,
      billingEvent: 'bill',
      test: false,
      exchange: 'demo',
      domain: 'a.example',
      mtype: 1,
      w: 300,
      h: 250,
    });
    const reserved: unknown[] = [];
    readRing(ring, Buffer.from(ring.data), 10, (bytes, from, to) =>
      readRecord(bytes, from, to, {
        onReserved: (id, atMs, nanos, _exchange, cells, count) =>
          reserved.push([id, atMs, nanos, [...cells.subarray(0, count)]]),
        onEvent: () => {},
      }),
    );
    expect(reserved).toEqual([[bid.id, START_MS, 2_000_000, [0]]]);
    expect(creditOf(credit, 0)).toBe(998_000_000n);
  });

  it('reserves and signs what a showing costs that is several impressions at once', () => {
    const { post, credit } = bed();
    const imp = [{ id: 'i', banner: { w: 300, h: 250 }, qty: { multiplier: 14.2 } }, ...request.imp];
    const [screen, page] = bidResponseSchema.parse(bodyOf(post({ ...request, imp }))).seatbid![0]!.bid;
    expect([screen!.price, page!.price]).toEqual([2, 2]);
    const tokens = [screen!, page!].map(({ nurl }) => readToken(/win\/([^?]+)/.exec(nurl)![1]!, [key]));
    expect(tokens).toMatchObject([{ capNanos: 28_400_000 }, { capNanos: 2_000_000 }]);
    expect([screen!.burl, page!.burl].map((link) => link?.includes('&qty=14.2'))).toEqual([true, false]);
    expect(credit.nanos[0]).toBe(969_600_000n);
  });

  it('keeps requests that are read together apart, however many there are', () => {
    const { take, decide, post, clock } = bed();
    const count = 50;
    const replies = Array.from({ length: count }, (): Reply[] => []);
    for (let i = 0; i < count; i++) {
      const body = i % 7 === 3 ? 'no object' : { ...request, id: `id ${i}`, ...(i % 5 === 0 ? { test: 1 } : {}) };
      take(replies[i]!, body, {}, '');
      clock.advance(1);
    }
    decide();
    decide();
    replies.forEach((given, i) => {
      expect(given).toHaveLength(1);
      if (i % 7 === 3) expect(given[0]!.status).toBe(400);
      else {
        const { id, seatbid } = bodyOf(given[0]!);
        const token = readToken(/\/notice\/bill\/([\w-]+)/.exec(seatbid[0].bid[0].burl)![1]!, [key]);
        expect(id).toBe(`id ${i}`);
        expect(token).toMatchObject({ bidAtMs: START_MS + i, test: i % 5 === 0 });
      }
    });
    expect(bodyOf(post(request)).id).toBe('r');
  });

  it('gives every bid an id of its own', () => {
    const { post, clock } = bed();
    const ids = new Set<string>();
    for (let i = 0; i < 100; i++) {
      clock.advance(i % 10 === 0 ? 1000 : 0);
      ids.add(bodyOf(post(request)).seatbid[0].bid[0].id);
    }
    expect(ids.size).toBe(100);
    for (const id of ids) expect(id).toMatch(/^abcdef0103[0-9a-f]{14}$/);
  });

  it('does not bid when the reservation can not be handed over, and puts the credit back', () => {
    const { post, credit } = bed({}, {}, 1024);
    const statuses = Array.from({ length: 40 }, () => post(request).status);
    const bids = statuses.filter((status) => status === 200).length;
    expect(bids).toBeGreaterThan(5);
    expect(bids).toBeLessThan(40);
    expect(creditOf(credit, 0)).toBe(1_000_000_000n - 2_000_000n * BigInt(bids));
  });

  it('leaves credit alone for test requests and for explanations', () => {
    const hash = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'; // SHA-256 of "test"
    const { post, credit } = bed({}, { operatorKeyHashes: [hash] });
    expect(post({ ...request, test: 1 }).status).toBe(200);
    const explained = post(request, { authorization: 'Bearer test' }, 'debug=1');
    expect(bodyOf(explained).imps[0].lineItems).toMatchObject([{ lineItemId: 100, reason: 'bid' }]);
    expect(post(request, { authorization: 'Bearer wrong' }, 'debug=1').status).toBe(401);
    expect(creditOf(credit, 0)).toBe(1_000_000_000n);
  });

  it('keeps to the exchange’s rate', () => {
    const { post, clock, reasons } = bed({ qpsLimit: 3 });
    expect(Array.from({ length: 5 }, () => post(request).status)).toEqual([200, 200, 200, 204, 204]);
    expect(reasons()).toBe(2);
    clock.advance(1000);
    expect(post(request).status).toBe(200);
  });

  it('has no limit, or at least one request a second', () => {
    const within = createRateLimits(1);
    expect(Array.from({ length: 1000 }, () => within(defaultProfile, 1)).every(Boolean)).toBe(true);
    const { post } = bed({ qpsLimit: 1 }, { threads: 8 });
    expect(post(request).status).toBe(200);
  });

  it('answers 204 at once when the loop is late, before it is ready, and while it drains', () => {
    expect(bed({}, { loop: { isLate: () => true, setMaxLag() {}, stop() {} } }).post(request)).toEqual({ status: 204 });
    const starting = bed();
    setReady(starting.status, false);
    expect(starting.post(request)).toEqual({ status: 204 });
    const draining = bed();
    setDraining(draining.status);
    expect(draining.post(request)).toEqual({ status: 204, close: true });
  });

  it('lets a deadline that can not be met pass: tmax less round trip less margin', () => {
    const { post } = bed({ roundTripMs: 20, defaultTmaxMs: 22 });
    expect(post(request).status).toBe(204);
    expect(post({ ...request, tmax: 22 }).status).toBe(204);
    expect(post({ ...request, tmax: '23' }).status).toBe(200);
  });

  it('does not answer with a bid that came too late', () => {
    const ids = createBidIds(1, 1);
    // The auction itself takes 300 ms.
    const newBidId = (nowMs: number, into: Uint32Array) => {
      late.clock.advance(300);
      ids(nowMs, into);
    };
    const late = bed({}, { newBidId });
    expect(late.post({ ...request, tmax: 250 })).toEqual({ status: 204 });
    expect(late.reasons()).toBe(1);
    expect(late.post({ ...request, tmax: 350 }).status).toBe(200);
  });

  it('says why in a 200 where the profile asks for it', () => {
    const { post } = bed({ noBid: 'nbr' });
    const reply = post({ ...request, imp: [{ id: 'i', banner: { w: 1, h: 1 } }] });
    expect([reply.status, bodyOf(reply)]).toEqual([200, { id: 'r', nbr: 500 }]);
    bidResponseSchema.parse(bodyOf(reply));
  });

  it('compresses only long answers, only where both sides want it', () => {
    const accepting = { 'accept-encoding': 'br, gzip' };
    const zipped = bed().post(request, accepting);
    expect(zipped.headers).toEqual([['Content-Encoding', 'gzip']]);
    bidResponseSchema.parse(JSON.parse(gunzipSync(zipped.body as Buffer).toString()));
    expect(bed({ gzip: false }).post(request, accepting).headers).toBeUndefined();
    expect(bed({ noBid: 'nbr' }).post({ ...request, badv: ['example'] }, accepting).headers).toBeUndefined();
  });

  it('leaves the seat out where there is none', () => {
    expect(bodyOf(bed({ seat: '' }).post(request)).seatbid[0].seat).toBeUndefined();
  });
});
