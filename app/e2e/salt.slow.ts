import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readToken } from '../../core/token.ts';
import { saltsAt } from '../../engine/users/salt.ts';
import { loadConfig } from '../config/load.ts';
import { hashesOf } from '../ops/erase.ts';
import { loadSecrets } from '../secrets.ts';
import { callApi, type System, startSystem, until } from './processes.case.ts';

const PERIOD_MS = 60_000;
const VISITOR = 'somebody@example.com';
/** Sizes that nobody else's ads have, so that one line item alone answers. */
const CAPPED = { w: 123, h: 457 };
const FOR_AUDIENCE = { w: 124, h: 458 };
const agent = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0' };

let system: System;
let asked = 0;
beforeAll(async () => {
  system = await startSystem([`--user-salt-period-ms=${PERIOD_MS}`, '--bid-threads=2']);
});
afterAll(() => system?.stop());

interface Bid {
  readonly price: number;
  readonly burl: string;
  readonly adm: string;
}

async function bidFor(user: string, banner: object): Promise<Bid | null> {
  const body = JSON.stringify({
    id: `salt-${asked++}`,
    imp: [{ id: '1', banner }],
    site: { domain: 'news.example' },
    // An id of the advertiser's side; `user.id` would be the exchange's own.
    user: { buyeruid: user },
  });
  const answer = await fetch(`${system.bidUrl}/openrtb2/bid/demo`, { method: 'POST', body });
  if (answer.status !== 200) return null;
  return ((await answer.json()) as { seatbid: { bid: Bid[] }[] }).seatbid[0]!.bid[0]!;
}

/** A bid; a busy bidder may decline some. */
async function bidOf(user: string, banner: object): Promise<Bid> {
  let bid: Bid | null = null;
  const found = async (): Promise<boolean> => {
    bid = await bidFor(user, banner);
    return bid !== null;
  };
  await until(found, 20_000, `a bid for ${user}`);
  return bid!;
}

async function expectNoBid(user: string, banner: object): Promise<void> {
  for (let i = 0; i < 10; i++) expect(await bidFor(user, banner), `no bid for ${user}`).toBeNull();
}

/** The bid is won, billed and shown. */
async function show({ burl, adm, price }: Bid): Promise<void> {
  await fetch(burl.replaceAll('${AUCTION_PRICE}', String(price)), { headers: agent });
  const pixel = /https?:\/\/[^"'\s]+\/event\/imp\/[^"'\s\\]+/.exec(adm)?.[0] ?? '';
  expect((await fetch(pixel.replaceAll('&amp;', '&'), { headers: agent })).status).toBe(200);
}

const secrets = () => loadSecrets(loadConfig({ file: null, env: {}, flags: { 'data-dir': system.dataDir } }).config);
const periodNow = () => Math.floor(Date.now() / PERIOD_MS);
/** What the visitor is called in a period. */
function nameIn(period: number): string {
  const salt = saltsAt({ secret: secrets().userSalt.secret, periodMs: PERIOD_MS }, period * PERIOD_MS).current;
  return hashesOf([VISITOR], [], [salt])[0]!;
}
function userOf(bid: Bid): string {
  const text = /\/notice\/bill\/([A-Za-z0-9_-]+)/.exec(bid.burl)?.[1] ?? '';
  const token = readToken(text, secrets().tokenKeys);
  return typeof token === 'string' ? token : token.user;
}

async function createLineItem(name: string, banner: object, more: object, advertiserId: number): Promise<void> {
  await callApi(system, '/api/v1/campaigns', {
    method: 'POST',
    body: JSON.stringify({
      advertiserId,
      name,
      status: 'active',
      budget: { dailyMicros: 1_000_000_000, lifetimeMicros: null },
      lineItems: [
        {
          name,
          status: 'active',
          goal: { type: 'cpm', bidCpmMicros: 2_000_000 },
          pacing: 'asap',
          ...more,
          creatives: [
            {
              name,
              format: 'banner',
              banner: { ...banner, html: '<b>ad</b>' },
              landingUrl: 'https://shop.example.com/',
              adomain: ['shop.example.com'],
            },
          ],
        },
      ],
    }),
  });
}

describe('the salt of user hashes, on real processes', () => {
  it('turns while bids go on: caps and audiences hold for a period more, and then nobody is known by an old name', async () => {
    const post = (path: string, body: object) =>
      callApi<{ id: number }>(system, path, { method: 'POST', body: JSON.stringify(body) });
    const { id: advertiserId } = await post('/api/v1/advertisers', { name: 'Salted', timeZone: 'UTC' });
    const { id: audience } = await post('/api/v1/audiences', { advertiserId, name: 'Buyers' });
    const lookUp = () =>
      callApi<{ users: number; matchedUntilMs: number | null }>(system, `/api/v1/audiences/${audience}`);
    await createLineItem('capped', CAPPED, { frequencyCaps: [{ impressions: 1, per: 'lifetime' }] }, advertiserId);
    const terms = { segment: { include: [String(audience)] } };
    await createLineItem('for an audience', FOR_AUDIENCE, { targeting: { terms } }, advertiserId);
    await bidOf(`other-${asked}`, CAPPED);

    // Early in a period, so that what follows belongs to it.
    await until(async () => Date.now() % PERIOD_MS < PERIOD_MS / 4, PERIOD_MS, 'a period begins');
    const first = periodNow();
    await callApi(system, `/api/v1/audiences/${audience}/users`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: `${createHash('sha256').update(VISITOR).digest('hex')}\n`,
    });
    await bidOf(VISITOR, FOR_AUDIENCE);
    await expectNoBid('somebody-else', FOR_AUDIENCE);
    const seen = await bidOf(VISITOR, CAPPED);
    expect(userOf(seen)).toBe(nameIn(first));
    await show(seen);
    await until(async () => (await bidFor(VISITOR, CAPPED)) === null, 10_000, 'the cap is reached');
    expect(periodNow(), 'all of that in one period').toBe(first);
    expect((await lookUp()).matchedUntilMs).toBe((first + 2) * PERIOD_MS);

    const turned = async () => userOf(await bidOf(VISITOR, FOR_AUDIENCE)) !== nameIn(first);
    await until(turned, 2 * PERIOD_MS, 'the salt turns');
    expect(periodNow()).toBe(first + 1);
    expect(userOf(await bidOf(VISITOR, FOR_AUDIENCE)), 'the audience knows the new name').toBe(nameIn(first + 1));
    // What was seen before still counts.
    await expectNoBid(VISITOR, CAPPED);
    await bidOf(`other-${asked}`, CAPPED);

    await until(async () => periodNow() === first + 2, 2 * PERIOD_MS, 'the next period');
    const again = async () => (await bidFor(VISITOR, CAPPED)) !== null;
    await until(again, 10_000, 'the visitor is somebody new');
    expect(userOf(await bidOf(VISITOR, CAPPED))).toBe(nameIn(first + 2));
    await expectNoBid(VISITOR, FOR_AUDIENCE);
    // It is emptied when reporting starts, and every hour.
    await system.reporting.end('SIGTERM');
    await system.restartReporting();
    await until(async () => (await lookUp()).users === 0, 60_000, 'the audience is emptied');
  });
});
