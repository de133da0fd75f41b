import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loggedEventSchema } from '../core/event.ts';
import { bidResponseSchema } from '../core/openrtb.ts';
import { seededRandom } from '../core/random.ts';
import { bidStatsSchema } from '../core/topics.ts';
import type { Bidder } from './bidder.ts';
import { defaultBidderConfig, defaultLimits } from './config.ts';
import { bannerCreative, change, grant, publish, smallInventory } from './testing/inventory.case.ts';
import { createMemoryLog } from './testing/memorylog.case.ts';
import { quietDeps } from './testing/quietdeps.case.ts';

const dist = new URL('../dist/engine/', import.meta.url);
const { startBidder } = (await import(new URL('bidder.js', dist).href)) as typeof import('./bidder.ts');
const operatorKey = 'operator-key-of-the-test';
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until a condition holds; fails after five seconds. */
async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 5_000;
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error(`never: ${what}`);
    await pause(10);
  }
}

const banner = (changes: object = {}) => ({
  id: 'request-1',
  imp: [{ id: 'imp-1', banner: { w: 300, h: 250 }, bidfloor: 0.5 }],
  site: { domain: 'news.example' },
  device: { geo: { country: 'DEU' } },
  ...changes,
});

describe.each(['auto', 'node'] as const)('a bidder with real threads, transport %s', (transport) => {
  const log = createMemoryLog();
  const metrics = new Registry();
  let bidder: Bidder;
  let base = '';

  beforeAll(async () => {
    await publish(log, smallInventory());
    bidder = await startBidder(
      {
        ...defaultBidderConfig,
        port: 0,
        threads: 2,
        transport,
        limits: { ...defaultLimits, maxHeldBytes: 500_000 },
        // A shared machine must not make the thread shed what the test counts.
        maxLagMs: 60_000,
        operatorKeyHashes: [createHash('sha256').update(operatorKey).digest('hex')],
        tokenKeys: [{ id: 1, secret: Buffer.from('end-to-end test key, 32 bytes!!!') }],
      },
      { ...quietDeps(log), random: seededRandom(7), metrics },
    );
    base = `http://127.0.0.1:${bidder.port}`;
    await until('ready', () => bidder.isReady());
    await grant(log, bidder.node, [100], 100_000_000_000n);
    await until('credit', async () => (await post(banner())).status === 200);
  });
  afterAll(() => bidder.stop());

  function post(body: object | string | Buffer, path = '/openrtb2/bid/demo', headers: Record<string, string> = {}) {
    const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    return fetch(base + path, { method: 'POST', body: bytes as string, headers });
  }
  const get = (path: string) => fetch(base + path, { redirect: 'manual' });
  async function bidFor(request: object) {
    const response = await post(request);
    expect(response.status).toBe(200);
    return bidResponseSchema.parse(await response.json()).seatbid![0]!.bid[0]!;
  }
  const eventsOf = (bidId: string) =>
    log
      .records('events')
      .filter(({ key }) => key === bidId)
      .map(({ value }) => loggedEventSchema.parse(JSON.parse(String(value))));
  const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code;

  it('serves through what it says', () => {
    expect(bidder.transport).toMatch(transport === 'node' ? /^node:http$/ : /^uWebSockets\.js \d|^node:http$/);
    if (bidder.transport === 'node:http' && transport === 'auto') console.warn('no native µWebSockets.js here');
  });

  it('answers with a bid that OpenRTB 2.6 allows', async () => {
    const headers = { 'accept-encoding': 'identity' };
    const response = await post(banner({ id: 'quoted "é" \\ id' }), '/openrtb2/bid/demo', headers);
    expect(response.headers.get('content-type')).toBe('application/json');
    const body = await response.text();
    expect(Number(response.headers.get('content-length'))).toBe(Buffer.byteLength(body));
    const parsed = bidResponseSchema.parse(JSON.parse(body));
    expect(parsed).toMatchObject({ id: 'quoted "é" \\ id', cur: 'USD', seatbid: [{ seat: 'evenkeel' }] });
    const bid = parsed.seatbid![0]!.bid[0]!;
    expect(bid).toMatchObject({ impid: 'imp-1', price: 2, cid: '10', crid: '1000', w: 300, h: 250, mtype: 1 });
    expect(bid.id.slice(0, 8)).toBe(bidder.node);
    for (const link of [bid.nurl, bid.burl!, bid.lurl]) expect(link.startsWith(`${base}/notice/`)).toBe(true);
  });

  it('makes every notice durable before it answers', async () => {
    const bid = await bidFor(banner());
    const notice = (url: string) => get(url.slice(base.length).replace('${AUCTION_PRICE}', '1.25'));
    expect((await notice(bid.nurl)).status).toBe(204);
    expect(eventsOf(bid.id)).toMatchObject([{ type: 'win', priceNanos: 1_250_000 }]);
    expect((await notice(bid.burl!)).status).toBe(204);
    const token = /\/notice\/win\/([^?]+)/.exec(bid.nurl)![1]!;
    expect((await get(`/notice/loss/${token}?price=%7Bnone&loss=102&mtw=3.5`)).status).toBe(204);
    const pixel = await get(`/event/imp/${token}`);
    expect([pixel.status, pixel.headers.get('content-type')]).toEqual([200, 'image/gif']);
    const click = await get(`/event/click/${token}?url=https://evil.example`);
    expect([click.status, click.headers.get('location')]).toEqual([302, 'https://shop.example/landing?c=1000']);
    expect((await get(`/event/video/${token}?e=midpoint`)).status).toBe(200);
    expect(eventsOf(bid.id).slice(1)).toMatchObject([
      { type: 'bill', priceNanos: 1_250_000 },
      { type: 'loss', priceNanos: null, lossCode: 102, minToWinNanos: 3_500_000 },
      { type: 'impression' },
      { type: 'click' },
      { type: 'video', detail: 'midpoint' },
    ]);
  });

  it('knows the price by its ratio to the bid when it does not come itself', async () => {
    const bid = await bidFor(banner());
    const bill = bid.burl!.slice(base.length).replace('${AUCTION_MBR}', '0.75');
    expect((await get(bill)).status).toBe(204);
    expect(eventsOf(bid.id)).toMatchObject([{ type: 'bill', priceNanos: 1_500_000 }]);
  });

  it('bills a showing that is several impressions at once by their number', async () => {
    const imp = [{ id: '1', banner: { w: 300, h: 250 }, qty: { multiplier: 2.5 } }];
    const bid = await bidFor(banner({ imp, dooh: { id: 'screen' }, site: undefined }));
    expect((await get(bid.burl!.slice(base.length).replace('${AUCTION_PRICE}', '1.2'))).status).toBe(204);
    expect(eventsOf(bid.id)).toMatchObject([{ type: 'bill', priceNanos: 3_000_000 }]);
  });

  it('takes conversions by click id, or by advertiser and user', async () => {
    const bid = await bidFor(banner());
    const token = /\/notice\/win\/([^?]+)/.exec(bid.nurl)![1]!;
    expect((await get(`/event/conv?click=${token}&value=9.99&currency=USD`)).status).toBe(200);
    expect(eventsOf(bid.id)).toMatchObject([
      { type: 'conversion', conversion: { advertiserId: 1, valueMicros: 9_990_000 } },
    ]);
    const posted = await post({ advertiser: 1, user: '0123456789abcdef', order: 'A1' }, '/event/conv');
    expect(posted.status).toBe(200);
    expect(log.records('events').some(({ key }) => key === '1:A1')).toBe(true);
    expect(await codeOf(await get('/event/conv?value=5'))).toBe('conversion_without_subject');
  });

  it('refuses what it did not sign, and appends nothing', async () => {
    const bid = await bidFor(banner());
    const token = /\/notice\/win\/([^?]+)/.exec(bid.nurl)![1]!;
    const before = log.records('events').length;
    const forged = await get(`/event/click/${token.slice(0, -4)}AAAA`);
    expect([forged.status, await codeOf(forged)]).toEqual([401, 'token_forged']);
    expect((await get('/notice/win/nonsense')).status).toBe(400);
    expect((await get(`/event/video/${token}?e=rewound`)).status).toBe(400);
    expect(log.records('events').length).toBe(before);
  });

  it('says 503 when an event could not be stored', async () => {
    const bid = await bidFor(banner());
    const path = bid.burl!.slice(base.length).replace('${AUCTION_PRICE}', '1');
    log.failAppends('events');
    const failed = await get(path);
    await until('it is not ready', async () => {
      await get(path);
      const ready = await get('/healthz/ready');
      return ready.status === 503 && ((await ready.json()) as { status: string }).status === 'not_durable';
    });
    log.failAppends(null);
    expect([failed.status, await codeOf(failed)]).toEqual([503, 'not_durable']);
    expect((await get(path)).status).toBe(204);
    // A bidder whose log failed holds back until a write succeeds.
    await until('bidding goes on', async () => (await post(banner())).status === 200);
  });

  it('answers bad input with a code and goes on', async () => {
    const wrong: readonly (readonly [string | Buffer, string, number, string])[] = [
      ['{"id":', 'demo', 400, 'malformed_json'],
      ['[1]', 'demo', 400, 'not_an_object'],
      ['{"imp":[{"id":"1"}]}', 'demo', 400, 'missing_id'],
      ['{"id":"1","imp":7}', 'demo', 400, 'missing_imp'],
      [JSON.stringify(banner()), 'elsewhere', 404, 'unknown_exchange'],
    ];
    for (const [body, exchange, status, code] of wrong) {
      const response = await post(body, `/openrtb2/bid/${exchange}`);
      expect([response.status, await codeOf(response)], String(body)).toEqual([status, code]);
    }
    const encoded = await post('x', '/openrtb2/bid/demo', { 'content-encoding': 'br' });
    expect([encoded.status, await codeOf(encoded)]).toEqual([415, 'unsupported_encoding']);
    const notGzip = await post('x', '/openrtb2/bid/demo', { 'content-encoding': 'gzip' });
    expect([notGzip.status, await codeOf(notGzip)]).toEqual([400, 'bad_gzip']);
    const bomb = await post(gzipSync(Buffer.alloc(5_000_000, 32)), '/openrtb2/bid/demo', {
      'content-encoding': 'gzip',
    });
    expect(bomb.status).toBe(413);
    // A client may meet the closed connection before it has read the answer.
    const large = await post(`{"id":"${'x'.repeat(10_000_000)}"}`).catch(() => null);
    if (large !== null) expect(large.status).toBe(413);
    expect((await post(banner())).status).toBe(200);
  });

  it('reads gzip, and answers in it only when asked', async () => {
    const headers = { 'content-encoding': 'gzip', 'accept-encoding': 'gzip' };
    const response = await post(gzipSync(JSON.stringify(banner())), '/openrtb2/bid/demo', headers);
    expect([response.status, response.headers.get('content-encoding')]).toEqual([200, 'gzip']);
    bidResponseSchema.parse(await response.json());
    const plain = await post(banner(), '/openrtb2/bid/demo', { 'accept-encoding': 'identity' });
    expect(plain.headers.get('content-encoding')).toBeNull();
    const none = await post(banner({ imp: [{ id: '1' }] }), '/openrtb2/bid/demo', headers).catch(() => null);
    expect(none?.headers.get('content-encoding') ?? null).toBeNull();
  });

  it('reads bodies that come in pieces, and bounds what it holds of unfinished ones', async () => {
    const body = JSON.stringify(banner());
    const half = (socket: Socket, declared: number, part: string) =>
      socket.write(`POST /openrtb2/bid/demo HTTP/1.1\r\nHost: x\r\nContent-Length: ${declared}\r\n\r\n${part}`);
    const slow = connect(bidder.port, '127.0.0.1');
    half(slow, body.length, body.slice(0, 40));
    await pause(50);
    slow.write(body.slice(40));
    const [answer] = (await once(slow, 'data')) as [Buffer];
    expect(answer.toString('latin1', 0, 15)).toBe('HTTP/1.1 200 OK');
    slow.destroy();
    const many = Array.from({ length: 40 }, () => connect(bidder.port, '127.0.0.1').on('error', () => {}));
    const answers: string[] = [];
    for (const socket of many) {
      socket.on('data', (bytes) => answers.push(bytes.toString('latin1', 0, 12)));
      half(socket, 100_000, `{"id":"${'x'.repeat(90_000)}`);
    }
    await until('some are refused', () => answers.includes('HTTP/1.1 503'));
    for (const socket of many) socket.destroy();
    await until('the others are served', async () => (await post(banner())).status === 200);
  });

  it('answers 204 without a body when nothing fits', async () => {
    const response = await post(banner({ imp: [{ id: '1', banner: { w: 1, h: 1 } }] }));
    expect([response.status, await response.text(), response.headers.get('content-length')]).toEqual([204, '', null]);
  });

  const fixture = fileURLToPath(new URL('../../shared/data/openrtb-requests.jsonl', import.meta.url));
  const present = existsSync(fixture);
  if (!present) console.warn(`skipped: ${fixture} is not here`);
  it.runIf(present || process.env.EVENKEEL_REQUIRE_ALL_TESTS !== undefined)('answers every real request', async () => {
    const lines = readFileSync(fixture, 'utf8').trim().split('\n');
    let bids = 0;
    for (const line of lines) {
      const response = await post(line);
      expect([200, 204], line).toContain(response.status);
      if (response.status === 200) {
        bids++;
        bidResponseSchema.parse(await response.json());
      } else await response.arrayBuffer();
    }
    expect(lines.length).toBeGreaterThan(300);
    expect(bids).toBeGreaterThan(20);
  });

  it('follows changes of campaigns, and kill switches', async () => {
    const request = banner({ imp: [{ id: '1', banner: { w: 728, h: 90 } }] });
    expect((await post(request)).status).toBe(204);
    const startMs = Date.now();
    await publish(log, [bannerCreative(1001, 100, 728, 90)]);
    await until('the new creative bids', async () => (await post(request)).status === 200);
    expect(Date.now() - startMs).toBeLessThan(1_000);
    await publish(log, [change.stop('all')]);
    await until('stopped', async () => (await post(request)).status === 204);
    await publish(log, [change.stop('all', false)]);
    await until('going again', async () => (await post(request)).status === 200);
  });

  it('never bids more than was granted, on all threads together', async () => {
    await publish(log, [
      change.lineItem({ id: 101, campaignId: 10, goal: { type: 'cpm', bidCpmMicros: 1_000_000 } }),
      bannerCreative(1002, 101, 160, 600),
    ]);
    await grant(log, bidder.node, [101], 25_500_000n);
    const request = banner({ imp: [{ id: '1', banner: { w: 160, h: 600 } }] });
    await until('credit', async () => (await post(request)).status === 200);
    const statuses = await Promise.all(Array.from({ length: 200 }, async () => (await post(request)).status));
    expect(statuses.filter((status) => status === 200).length).toBe(24);
  });

  it('gives credit back when a bid is lost, and keeps what was billed', async () => {
    await publish(log, [
      change.lineItem({ id: 102, campaignId: 10, goal: { type: 'cpm', bidCpmMicros: 1_000_000 } }),
      bannerCreative(1003, 102, 120, 600),
    ]);
    await grant(log, bidder.node, [102], 1_000_000n);
    const request = banner({ imp: [{ id: '1', banner: { w: 120, h: 600 } }] });
    let bid: Awaited<ReturnType<typeof bidFor>> | null = null;
    await until('the only bid', async () => {
      const response = await post(request);
      if (response.status === 200) bid = bidResponseSchema.parse(await response.json()).seatbid![0]!.bid[0]!;
      return bid !== null;
    });
    expect((await post(request)).status).toBe(204);
    await get(bid!.lurl.slice(base.length));
    await until('credit is back', async () => {
      const response = await post(request);
      if (response.status === 200) bid = bidResponseSchema.parse(await response.json()).seatbid![0]!.bid[0]!;
      return response.status === 200;
    });
    await get(bid!.burl!.slice(base.length).replace('${AUCTION_PRICE}', '0.4'));
    await until('the bill is in the counters', () => {
      const cells = log
        .records('bidstats')
        .flatMap(({ value }) => bidStatsSchema.parse(JSON.parse(String(value))).cells);
      const last = cells.filter(({ cell }) => cell === 'line_item:102:lifetime').at(-1);
      return last?.confirmedNanos === '400000' && last.reservedNanos === '0';
    });
  });

  it('does not take credit for test requests', async () => {
    const bid = await bidFor(banner({ test: 1 }));
    const token = /\/notice\/bill\/([^?]+)/.exec(bid.burl!)![1]!;
    expect(Buffer.from(token, 'base64url')[2]! & 4).toBe(4);
  });

  it('explains to an operator why line items did not bid', async () => {
    const authorization = { authorization: `Bearer ${operatorKey}` };
    const refused = await post(banner(), '/openrtb2/bid/demo?debug=1');
    expect(refused.status).toBe(401);
    const response = await post(
      banner({ imp: [{ id: '1', banner: { w: 300, h: 250 }, bidfloor: 50 }] }),
      '/openrtb2/bid/demo?debug=1',
      authorization,
    );
    const explained = (await response.json()) as { imps: { lineItems: { lineItemId: number; reason: string }[] }[] };
    expect(explained.imps[0]!.lineItems).toContainEqual(
      expect.objectContaining({ lineItemId: 100, reason: 'below_floor', stage: 'floor' }),
    );
    expect(explained.imps[0]!.lineItems).toContainEqual(
      expect.objectContaining({ lineItemId: 101, reason: 'creative_size' }),
    );
  });

  it('answers other methods sensibly', async () => {
    const options = await fetch(`${base}/openrtb2/bid/demo`, { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST, OPTIONS']);
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
      expect((await fetch(`${base}/openrtb2/bid/demo`, { method })).status).toBe(405);
    }
    const head = await fetch(`${base}/healthz/live`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('appends nothing when the exchange only audits', async () => {
    const bid = await bidFor(banner());
    const shown = /src="([^"]*\/event\/imp\/[^"]+)"/.exec(bid.adm)![1]!;
    for (const [link, status] of [
      [bid.burl!, 204],
      [shown, 200],
    ] as const) {
      const path = link.slice(base.length).replaceAll('&amp;', '&').replace('${AUCTION_PRICE}', 'AUDIT');
      expect((await get(path)).status).toBe(status);
    }
    expect(eventsOf(bid.id)).toEqual([]);
  });

  it('shows health, version and metrics', async () => {
    expect((await get('/healthz/live')).status).toBe(200);
    expect((await get('/healthz/ready')).status).toBe(200);
    expect(await (await get('/version')).json()).toMatchObject({ role: 'bidder', transport: bidder.transport });
    await until('counted', async () =>
      /evenkeel_bid_requests_total\{exchange="demo",outcome="bid"\} \d/.test(await (await get('/metrics')).text()),
    );
    expect((await get('/elsewhere')).status).toBe(404);
  });

  it('reports what it did every second', () => {
    const stats = log.records('bidstats').map(({ value }) => bidStatsSchema.parse(JSON.parse(String(value))));
    expect(stats.map(({ sequence }) => sequence)).toEqual(stats.map((_, i) => i));
    expect(stats.reduce((sum, { requests }) => sum + requests, 0)).toBeGreaterThan(100);
    const line = stats
      .flatMap(({ lineItems }) => lineItems)
      .find(({ lineItemId, bids }) => lineItemId === 100 && bids > 0);
    expect(line).toMatchObject({ campaignId: 10 });
    expect(line!.matched).toBeGreaterThanOrEqual(line!.bids);
  });
});
