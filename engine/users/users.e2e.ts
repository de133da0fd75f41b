import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audienceSchema } from '../../core/audience.ts';
import { systemClock } from '../../core/clock.ts';
import { loggedEventSchema } from '../../core/event.ts';
import { readToken } from '../../core/token.ts';
import type { Bidder } from '../bidder.ts';
import { defaultBidderConfig } from '../config.ts';
import { bannerCreative, change, grant, publish, smallInventory } from '../testing/inventory.case.ts';
import { createMemoryLog } from '../testing/memorylog.case.ts';
import { quietDeps } from '../testing/quietdeps.case.ts';
import { createAudienceStore } from './audiences.ts';

const dist = new URL('../../dist/engine/', import.meta.url);
const { startBidder } = (await import(new URL('bidder.js', dist).href)) as typeof import('../bidder.ts');
const key = { id: 1, secret: Buffer.from('users end-to-end key of 32 bytes') };
const operatorKey = 'operator key of the users test';
const userSalt = 'the salt of the users test';
const directory = mkdtempSync(join(tmpdir(), 'evenkeel-users-'));
const audiencesPath = join(directory, 'audiences');

async function until<T>(what: string, ask: () => Promise<T | null>): Promise<T> {
  const endMs = performance.now() + 8_000;
  for (;;) {
    const found = await ask();
    if (found !== null) return found;
    if (performance.now() > endMs) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('people, on a bidder with real threads', () => {
  const log = createMemoryLog();
  const store = createAudienceStore({ path: audiencesPath, userSalt, clock: systemClock });
  let bidder: Bidder;

  beforeAll(async () => {
    await store.save(audienceSchema.parse({ id: 5, advertiserId: 1, name: 'customers' }));
    await store.upload(5, 'add', [Buffer.from(createHash('sha256').update('bob').digest('hex'))] as never);
    await publish(log, [
      ...smallInventory(),
      change.lineItem({
        id: 100,
        campaignId: 10,
        goal: { type: 'cpm', bidCpmMicros: 2_000_000 },
        frequencyCaps: [{ impressions: 2, per: 'day' }],
      }),
      change.lineItem({
        id: 101,
        campaignId: 10,
        goal: { type: 'cpm', bidCpmMicros: 3_000_000 },
        targeting: { terms: { segment: { include: ['5'] } } },
      }),
      bannerCreative(1001, 101, 300, 250),
    ]);
    await start();
  });
  afterAll(async () => {
    await bidder.stop();
    await store.close();
    rmSync(directory, { recursive: true });
  });

  async function start(): Promise<void> {
    bidder = await startBidder(
      {
        ...defaultBidderConfig,
        port: 0,
        threads: 2,
        // What is shed on a busy machine is not what is tested here.
        maxLagMs: 60_000,
        tokenKeys: [key],
        operatorKeyHashes: [createHash('sha256').update(operatorKey).digest('hex')],
        users: { ...defaultBidderConfig.users, salt: userSalt, audiencesPath, capBuckets: 1024 },
        learning: { path: join(directory, 'learned'), evidenceBuckets: 64, marketRows: 16 },
      },
      quietDeps(log),
    );
    await until('ready', async () => (bidder.isReady() ? true : null));
    await grant(log, bidder.node, [100, 101], 100_000_000_000n);
    await until('credit', () => ask('somebody else'));
  }

  function post(user: string, more: object, query = '', headers: Record<string, string> = {}) {
    const request = {
      id: `request of ${user}`,
      imp: [{ id: '1', banner: { w: 300, h: 250 } }],
      site: { domain: 'news.example' },
      user: { buyeruid: user },
      device: { geo: { country: 'USA' } },
      ...more,
    };
    const url = `http://127.0.0.1:${bidder.port}/openrtb2/bid/demo${query}`;
    return fetch(url, { method: 'POST', body: JSON.stringify(request), headers });
  }

  /** What was bid: the creative and what its token says; null without a bid. */
  async function ask(user: string, more: object = {}) {
    const response = await post(user, more);
    if (response.status !== 200) return null;
    const { seatbid } = (await response.json()) as { seatbid: { bid: { crid: string; nurl: string }[] }[] };
    const bid = seatbid[0]!.bid[0]!;
    const text = /\/notice\/win\/([^?]+)/.exec(bid.nurl)![1]!;
    const token = readToken(text, [key]);
    if (typeof token === 'string') throw new Error(token);
    return { crid: bid.crid, text, token };
  }

  async function show(user: string, more: object = {}): Promise<string> {
    const bid = await ask(user, more);
    expect((await fetch(`http://127.0.0.1:${bidder.port}/event/imp/${bid!.text}`)).status).toBe(200);
    return bid!.token.bidId;
  }

  it('shows a user an ad as often as the cap allows, on every thread, and others go on', async () => {
    await show('alice');
    await show('alice');
    const withoutBid = async () => ((await ask('alice')) === null ? true : null);
    await until('capped', withoutBid);
    for (let i = 0; i < 20; i++) expect(await ask('alice')).toBe(null);
    expect((await ask('carol'))?.crid).toBe('1000');
  });

  it('explains why', async () => {
    const report = await post('alice', {}, '?debug=1', { authorization: `Bearer ${operatorKey}` });
    expect(await report.json()).toMatchObject({
      privacy: { mayUseUserId: true, userKnown: true, limitedBy: null },
      imps: [{ lineItems: [{ lineItemId: 100, reason: 'frequency_cap', stage: 'caps' }, { reason: 'targeting' }] }],
    });
  });

  it('finds uploaded users, and new uploads within a second or so', async () => {
    expect((await ask('bob'))?.crid).toBe('1001');
    await store.upload(5, 'add', [Buffer.from(createHash('sha256').update('dora').digest('hex'))] as never);
    await until('dora', async () => ((await ask('dora'))?.crid === '1001' ? true : null));
  });

  it.each([
    ['lmt', { device: { lmt: 1 } }],
    ['GDPR without consent', { regs: { gdpr: 1 } }],
    ['US opt-out', { regs: { ext: { us_privacy: '1YYN' } } }],
    ['COPPA', { regs: { coppa: 1 } }],
  ])('forgets who it is under %s: no cap, no audience, no user in the token, a short address', async (_, more) => {
    expect((await ask('alice', more))?.token.user).toBe('');
    const bid = await ask('bob', more);
    expect([bid?.crid, bid?.token.user]).toEqual(['1000', '']);
    const bidId = await show('bob', more);
    const event = log.records('events').find(({ key: of }) => of === bidId)!;
    expect(loggedEventSchema.parse(JSON.parse(String(event.value))).ip).toBe('127.0.0.0');
  });

  it('still knows after a restart', async () => {
    expect((await ask('carol'))?.token.user).toMatch(/^[0-9a-f]{16}$/);
    await bidder.stop();
    await start();
    expect(await ask('alice')).toBe(null);
    expect((await ask('carol'))?.crid).toBe('1000');
  });
});
