import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';
import { cpmToNanos } from '../core/money.ts';

/** A bid server for tests: answers like a bidder, counts every notice once by its URL path, delays as it is told. */
export interface TestBidder {
  readonly url: string;
  readonly origin: string;
  /** Notices accepted, by kind and campaign: `bill:7`. A repeated one is not counted. */
  readonly counts: Map<string, number>;
  readonly repeated: { count: number };
  /** Sum of accepted billing prices per campaign. */
  readonly spend: Map<string, bigint>;
  readonly requests: { count: number };
  readonly userAgents: Set<string>;
  /** How long each bid request was really held back, ms. */
  readonly tookMs: number[];
  close(): Promise<void>;
}

export interface TestBidderOptions {
  /** Delay of the bid answer of request `i`, ms. */
  readonly delayMs?: (i: number) => number;
  readonly bidShare?: number;
  readonly price?: (i: number) => number;
  /** Fails the n-th notice call with 503 when true. */
  readonly port?: number;
  readonly failNotice?: (n: number) => boolean;
  /** The n-th look at the report finds no server. */
  readonly failReport?: (n: number) => boolean;
  /** Impressions to report beyond the truth, per campaign. */
  readonly reportTooMany?: number;
  /** Clicks that the report calls invalid, in place of counting them, for this reason. */
  readonly clicksInvalid?: string;
  /** Overrides the whole answer. */
  readonly answer?: (i: number, response: http.ServerResponse) => boolean;
}

export async function startTestBidder(options: TestBidderOptions = {}): Promise<TestBidder> {
  const counts = new Map<string, number>();
  const spend = new Map<string, bigint>();
  const seen = new Set<string>();
  const repeated = { count: 0 };
  const requests = { count: 0 };
  const userAgents = new Set<string>();
  const tookMs: number[] = [];
  let notices = 0;
  let reports = 0;
  let origin = '';

  const notice = (url: URL, response: http.ServerResponse): void => {
    const [, , kind, token = ''] = url.pathname.split('/');
    const campaign = token.split('-')[0]!;
    notices += 1;
    if (options.failNotice?.(notices)) {
      response.writeHead(503).end();
      return;
    }
    if (seen.has(url.pathname)) repeated.count += 1;
    else {
      seen.add(url.pathname);
      counts.set(`${kind}:${campaign}`, (counts.get(`${kind}:${campaign}`) ?? 0) + 1);
      const nanos = cpmToNanos(url.searchParams.get('price') ?? '');
      if (kind === 'bill' && nanos !== null) spend.set(campaign, (spend.get(campaign) ?? 0n) + BigInt(nanos));
    }
    if (kind === 'click') response.writeHead(302, { location: 'https://landing.example/' }).end();
    else response.writeHead(204).end();
  };

  const bid = (i: number, body: string, response: http.ServerResponse): void => {
    if (options.answer?.(i, response)) return;
    if ((i * 0.618_034) % 1 >= (options.bidShare ?? 0.5)) {
      response.writeHead(204).end();
      return;
    }
    const request = JSON.parse(body) as { id: string; imp: { id: string }[] };
    const bids = request.imp.map((imp, n) => {
      const campaign = 1 + (i % 3);
      const token = `${campaign}-${i}-${n}`;
      const price = options.price?.(i) ?? 2.5;
      return {
        id: token,
        impid: imp.id,
        price,
        cid: String(campaign),
        crid: String(campaign * 10),
        adm: `<a href="${origin}/event/click/${token}"><img src="https://cdn.example/ad.png"></a><img src="${origin}/event/imp/${token}?a=1&amp;b=2" width="1" height="1">`,
        nurl: `${origin}/notice/win/${token}?price=\${AUCTION_PRICE}`,
        burl: `${origin}/notice/bill/${token}?price=\${AUCTION_PRICE}`,
        lurl: `${origin}/notice/loss/${token}?loss=\${AUCTION_LOSS}&mtw=\${AUCTION_MIN_TO_WIN}`,
      };
    });
    const payload = JSON.stringify({ id: request.id, seatbid: [{ seat: 's', bid: bids }], cur: 'USD' });
    const zipped = response.getHeader('content-encoding') === 'gzip';
    const bytes = zipped ? gzipSync(payload) : Buffer.from(payload);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length });
    response.end(bytes);
  };

  const report = (allowed: boolean, dimensions: string | null, response: http.ServerResponse): void => {
    reports += 1;
    if (options.failReport?.(reports)) {
      response.destroy();
      return;
    }
    if (!allowed) {
      response.writeHead(401).end('{"code":"no_key"}');
      return;
    }
    if (dimensions === 'type,reason') {
      const clicks = [...counts].reduce((sum, [key, n]) => (key.startsWith('click:') ? sum + n : sum), 0);
      const rows = [
        { type: 'impression', reason: '', invalid: 0 },
        ...(options.clicksInvalid === undefined
          ? []
          : [{ type: 'click', reason: options.clicksInvalid, invalid: clicks }]),
      ];
      response.writeHead(200).end(JSON.stringify({ rows, truncated: false }));
      return;
    }
    const count = (kind: string, campaign: string): number => counts.get(`${kind}:${campaign}`) ?? 0;
    const rows = [...spend].map(([campaign, nanos]) => ({
      campaign: Number(campaign),
      impressions: count('imp', campaign) + (options.reportTooMany ?? 0),
      clicks: options.clicksInvalid === undefined ? count('click', campaign) : 0,
      wins: count('win', campaign),
      bills: count('bill', campaign),
      conversions: count('conv', campaign),
      spendNanos: String(nanos),
    }));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ rows, truncated: false }));
  };

  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? '/', origin);
    if (url.pathname === '/api/v1/reports') {
      report(request.headers.authorization === 'Bearer secret', url.searchParams.get('dimensions'), response);
      return;
    }
    if (request.method === 'GET') {
      userAgents.add(request.headers['user-agent'] ?? '');
      return notice(url, response);
    }
    const parts: Buffer[] = [];
    request.on('data', (chunk: Buffer) => parts.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(parts);
      const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
      if (!body.startsWith('{')) {
        response.writeHead(400).end();
        return;
      }
      if (request.headers['accept-encoding'] === 'gzip') response.setHeader('content-encoding', 'gzip');
      const i = requests.count++;
      const arrivedMs = performance.now();
      response.on('finish', () => tookMs.push(performance.now() - arrivedMs));
      const delayMs = options.delayMs?.(i) ?? 0;
      if (delayMs > 0) setTimeout(bid, delayMs, i, body, response);
      else bid(i, body, response);
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${origin}/openrtb2/bid/demo`,
    origin,
    counts,
    repeated,
    spend,
    requests,
    userAgents,
    tookMs,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A `delayMs` that delays nothing and aborts at the n-th request, whenever that comes. */
export function abortAt(n: number, abort: AbortController): (i: number) => number {
  return (i) => {
    if (i === n) abort.abort();
    return 0;
  };
}
