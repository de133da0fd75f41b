import type { Clock } from '../../core/clock.ts';
import { MAX_TOKEN_CHARS, type TokenNumbers, writeToken } from '../../core/token.ts';
import { Auction, type Tally } from '../auction/auction.ts';
import { createCircumstances, readCircumstances, readImpressionCircumstances } from '../auction/circumstances.ts';
import { createResponseWriter } from '../bid/responsewriter.ts';
import { defaultProfile } from '../config.ts';
import { RequestScan } from '../request/scan.ts';
import { shapes } from '../request/shapes.ts';
import { createInProcessBidder } from './inprocess.ts';
import { createTraffic } from './traffic.ts';

/** CPU time of one part of a bid, microseconds a request. */
export interface StageCost {
  readonly stage: string;
  readonly us: number;
}

export interface StageOptions {
  readonly lineItems: number;
  readonly quick: boolean;
  readonly clock: Clock;
}

const REQUESTS = 1024;
const IMP = shapes.REQUEST.f.imp;
const token = {
  bidId: Uint32Array.of(0x00c0ffee, 0, 1),
  bidAtMs: 1_795_359_600_000,
  capNanos: 2_500_000,
  advertiserId: 200,
  campaignId: 2000,
  lineItemId: 10_000,
  creativeId: 10_000,
  billingEvent: 'bill' as const,
  test: false,
  user: Uint32Array.of(0x01234567, 0x89abcdef),
  hasUser: true,
  exchange: 'demo',
  dealId: '',
  domain: 'site-123.example',
  country: 'USA',
  region: 'US-A',
  os: 'android',
  deviceType: 4,
  mtype: 1,
  w: 300,
  h: 250,
} satisfies TokenNumbers;
const quietTally: Tally = { weigh() {}, matched() {}, refused() {}, bid() {} };

/**
 * Stage by stage in one process without sockets: the same requests run through the first stage, the first two and so
 * on, in turns; a stage costs the difference. Least times of all turns, because other work can only add.
 */
export function measureStages(options: StageOptions): StageCost[] {
  const bidder = createInProcessBidder(options.lineItems);
  const { deps } = bidder;
  const bodies = createTraffic({ seed: 1, count: REQUESTS });
  // As long as the buffers in which requests wait for the end of a turn.
  const scratch = Buffer.alloc(4096);
  const scan = new RequestScan();
  const about = createCircumstances(deps.rates, deps.insight, deps.catalog.index);
  const auction = new Auction(deps.catalog, deps.gate, quietTally, deps.rates, deps.insight, options.lineItems);
  const writer = createResponseWriter();
  const tokenBytes = new Uint8Array(MAX_TOKEN_CHARS);
  const signed = tokenBytes.slice(0, writeToken(token, deps.signingKey, tokenBytes, 0));
  const nowMs = deps.clock.nowMs();
  const keep = (): boolean => true;
  let bids = 0;

  const scanned = (body: Buffer): void => {
    body.copy(scratch);
    scan.scan(scratch, body.length);
  };
  const read = (body: Buffer): void => {
    scanned(body);
    readCircumstances(scan, defaultProfile, nowMs, about);
    readImpressionCircumstances(scan, scan.itemNode(scan.first(scan.root, IMP)), 1, about);
  };
  const searched = (body: Buffer): void => {
    read(body);
    deps.catalog.index.search(about.audience.terms);
    deps.catalog.index.next();
  };
  const decided = (body: Buffer): void => {
    scanned(body);
    bids += auction.run(scan, defaultProfile, nowMs, keep).bids.length;
  };
  const signing = (): void => {
    writeToken(token, deps.signingKey, tokenBytes, 0);
  };
  const written = (body: Buffer): void => {
    decided(body);
    const { decision } = auction;
    if (decision.bids.length === 0) return;
    writer.begin(scan, defaultProfile, decision.currency);
    for (const bid of decision.bids) writer.add(scan, bid, token.bidId, signed);
    writer.end();
  };
  const whole = (body: Buffer): void => {
    bidder.take(scratch, body.copy(scratch));
  };
  const parsed = (body: Buffer): void => {
    JSON.parse(body.toString());
  };

  const steps = [scanned, read, searched, decided, signing, written, whole, parsed];
  const least = steps.map(() => Number.POSITIVE_INFINITY);
  const turns = options.quick ? 20 : 60;
  for (let turn = 0; turn < turns; turn++) {
    steps.forEach((step, i) => {
      const all = (): void => {
        for (let j = 0; j < REQUESTS; j++) step(bodies[j]!);
        bidder.decide();
      };
      // Once for nothing: the stages and the whole have a scanner each, and whoever takes turns with another has to learn all
      // texts anew. A bid thread has one.
      all();
      bidder.drain();
      const before = process.cpuUsage();
      all();
      const { user, system } = process.cpuUsage(before);
      bidder.drain();
      least[i] = Math.min(least[i]!, (user + system) / REQUESTS);
    });
  }
  // Two steps decide, twice a turn.
  const share = bids / (turns * 4 * REQUESTS);
  const [scanUs, readUs, searchUs, decideUs, signUs, writeUs, wholeUs, parseUs] = least as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const tokenUs = signUs * share;
  const responseUs = writeUs - decideUs;
  return [
    { stage: 'scan', us: scanUs },
    { stage: 'privacy, person and audience', us: readUs - scanUs },
    { stage: 'index: first candidate', us: searchUs - readUs },
    { stage: 'auction and budgets', us: decideUs - searchUs },
    { stage: `token (${Math.round(share * 100)} % of requests)`, us: tokenUs },
    { stage: 'response', us: responseUs },
    { stage: 'ring, counters and the rest', us: wholeUs - decideUs - tokenUs - responseUs },
    { stage: 'the whole bid without sockets', us: wholeUs },
    { stage: 'for comparison: JSON.parse of the body', us: parseUs },
  ];
}
