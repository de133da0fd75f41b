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
    const other = async (banner: object) => bidFor(`other-${asked}`, banner);
    await until(async () => (await other(CAPPED)) !== null, 60_000, 'the capped line item bids');

    // Early in a period, so that what follows belongs to it.
    await until(async () => Date.now() % PERIOD_MS < PERIOD_MS / 4, PERIOD_MS, 'a period begins');
    const first = periodNow();
    await callApi(system, `/api/v1/audiences/${audience}/users`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: `${createHash('sha256').update(VISITOR).digest('hex')}\n`,
    });
    const member = async () => (await bidFor(VISITOR, FOR_AUDIENCE)) !== null;
    await until(member, 20_000, 'the audience is bid for');
    expect(await other(FOR_AUDIENCE), 'for nobody else').toBeNull();
    const seen = await bidFor(VISITOR, CAPPED);
    expect(userOf(seen!)).toBe(nameIn(first));
    await show(seen!);
    await until(async () => (await bidFor(VISITOR, CAPPED)) === null, 10_000, 'the cap is reached');
    expect(periodNow(), 'all of that in one period').toBe(first);
    expect((await lookUp()).matchedUntilMs).toBe((first + 2) * PERIOD_MS);

    await until(
      async () => userOf((await bidFor(VISITOR, FOR_AUDIENCE))!) !== nameIn(first),
      2 * PERIOD_MS,
      'it turns',
    );
    expect(periodNow()).toBe(first + 1);
    expect(userOf((await bidFor(VISITOR, FOR_AUDIENCE))!), 'the audience knows the new name').toBe(nameIn(first + 1));
    expect(await bidFor(VISITOR, CAPPED), 'what was seen before still counts').toBeNull();
    expect(await other(CAPPED)).not.toBeNull();

    await until(async () => !(await member()), 2 * PERIOD_MS, 'nobody of the audience is found any more');
    expect(periodNow()).toBe(first + 2);
    const again = await bidFor(VISITOR, CAPPED);
    expect(userOf(again!), 'the visitor is somebody new').toBe(nameIn(first + 2));
    // It is emptied when reporting starts, and every hour.
    await system.reporting.end('SIGTERM');
    await system.restartReporting();
    await until(async () => (await lookUp()).users === 0, 60_000, 'the audience is emptied');
  });
});
