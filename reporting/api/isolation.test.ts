import { rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { PacingStatus } from '../../core/pacingstatus.ts';
import { createHarness, type Fact, type Harness, IMAGES_DIR, START_MS } from './fakes.case.ts';
import { png } from './media.case.ts';
import { operations } from './operations.ts';

afterAll(() => rmSync(IMAGES_DIR, { recursive: true, force: true }));

/** A word that stands in every name of tenant B: seeing it anywhere is a leak. */
const SECRET = 'Zanzibar';
const goal = { type: 'cpm', bidCpmMicros: 1_000_000 };

interface Tenant {
  readonly advertiser: number;
  readonly campaign: number;
  readonly lineItem: number;
  readonly creative: number;
  readonly audience: number;
  readonly saved: string;
  readonly file: string;
}

async function tenant(api: Harness, name: string): Promise<Tenant> {
  const advertiser = (await api.call('POST', '/api/v1/advertisers', { body: { name } })).json.id;
  const creative = {
    name,
    format: 'banner',
    banner: { w: 300, h: 250, html: name },
    landingUrl: 'https://x.example.com/',
    adomain: ['x.example.com'],
  };
  const lineItems = [{ name, goal, creatives: [creative] }];
  const campaign = (
    await api.call('POST', '/api/v1/campaigns', { body: { advertiserId: advertiser, name, lineItems } })
  ).json.id;
  const lineItem = (await api.call('GET', `/api/v1/line-items?campaignId=${campaign}`)).json.items[0].id;
  const made = (await api.call('GET', `/api/v1/creatives?campaignId=${campaign}`)).json.items[0].id;
  const audience = (await api.call('POST', '/api/v1/audiences', { body: { advertiserId: advertiser, name } })).json.id;
  const saved = (
    await api.call('POST', '/api/v1/saved-reports', { body: { advertiserId: advertiser, name, query: 'period=today' } })
  ).json.id;
  // Each tenant's picture is another one.
  const picture = png(name.length, name.length);
  const { url } = (await api.upload('images', picture, 'image/png', await api.keyFor('advertiser', advertiser))).json;
  return { advertiser, campaign, lineItem, creative: made, audience, saved, file: url.split('/').at(-1) };
}

async function world() {
  const facts: Fact[] = [];
  const statuses: PacingStatus[] = [];
  const api = await createHarness(facts, { pacing: { statuses: () => statuses } });
  const a = await tenant(api, 'Acme');
  const b = await tenant(api, SECRET);
  for (const { advertiser, campaign } of [a, b]) {
    facts.push({ atMs: START_MS - 1000, advertiser, campaign, impressions: 10, clicks: 1, spendNanos: 777_000_111n });
    const money = { budgetNanos: null, actualNanos: '0', overNanos: '0' };
    const of = { id: campaign, advertiserId: advertiser, campaignId: campaign };
    statuses.push({ ...of, ...money, level: 'campaign' } as PacingStatus);
  }
  return {
    api,
    a,
    b,
    keyA: await api.keyFor('advertiser', a.advertiser),
    readA: await api.keyFor('read_only', a.advertiser),
  };
}

/** The id of B that a path is about; for keys, one that exists. */
function idFor(path: string, b: Tenant, keyId: string): string {
  if (path.startsWith('/advertisers')) return String(b.advertiser);
  if (path.startsWith('/campaigns')) return String(b.campaign);
  if (path.startsWith('/line-items')) return String(b.lineItem);
  if (path.startsWith('/creatives')) return String(b.creative);
  if (path.startsWith('/saved-reports')) return b.saved;
  if (path.startsWith('/audiences')) return String(b.audience);
  if (path.startsWith('/ad-files')) return b.file;
  return keyId;
}

const guarded = operations.filter((operation) => !operation.open && operation.path !== '/live/events');

describe('tenants can not reach each other', () => {
  it.each(guarded.map((operation) => [operation.method, operation.path] as const))('%s %s', async (method, path) => {
    const { api, b, keyA, readA } = await world();
    const keyId = api.services.keys.list()[0]!.id;
    const body = {
      name: 'changed',
      role: 'operator',
      advertiserId: b.advertiser,
      campaignId: b.campaign,
      lineItemId: b.lineItem,
      goal,
    };
    const before = JSON.stringify([
      ...api.services.directory.all('campaign'),
      ...api.services.directory.all('line_item'),
    ]);
    for (const key of [keyA, readA]) {
      const options = {
        key,
        headers: { 'if-match': '*' },
        ...(method === 'get' || method === 'delete'
          ? {}
          : { body: path.includes('{id}') ? { name: 'changed' } : body }),
      };
      for (const query of [
        '',
        `?advertiserId=${b.advertiser}`,
        `?campaignId=${b.campaign}`,
        `?filter=advertiser:${b.advertiser}`,
      ]) {
        const filled = path.replace('{id}', idFor(path, b, keyId));
        const answer = await api.call(method.toUpperCase(), `/api/v1${filled}${query}`, options);
        expect(answer.text).not.toContain(SECRET);
        expect(answer.status, answer.text).toBeLessThan(500);
        if (path.includes('{id}')) expect([403, 404]).toContain(answer.status);
        else if (method !== 'get') expect([403, 415, 422]).toContain(answer.status);
        for (const id of Object.values(b)) {
          const own = answer.json?.instance === undefined && path !== '/me' ? answer.text : '';
          expect(own.replace(/"query":.*?"rows"/, '')).not.toMatch(new RegExp(`\\b${id}\\b`));
        }
      }
    }
    const after = JSON.stringify([
      ...api.services.directory.all('campaign'),
      ...api.services.directory.all('line_item'),
    ]);
    expect(after).toBe(before);
  });

  it('answers the same for what is foreign and what is not there', async () => {
    const { api, b, keyA } = await world();
    for (const [kind, id] of [
      ['advertisers', b.advertiser],
      ['campaigns', b.campaign],
      ['line-items', b.lineItem],
      ['creatives', b.creative],
      ['audiences', b.audience],
      ['saved-reports', b.saved],
    ] as const) {
      const foreign = await api.call('GET', `/api/v1/${kind}/${id}`, { key: keyA });
      const missing = await api.call('GET', `/api/v1/${kind}/2147483647`, { key: keyA });
      const strip = (text: string) => text.replace(/"(instance|requestId)":"[^"]*"/g, '');
      expect([foreign.status, strip(foreign.text)]).toEqual([missing.status, strip(missing.text)]);
    }
  });

  it('keeps bid counters of others away too', async () => {
    const { api, a, b, keyA } = await world();
    for (const filter of ['', `&filter=campaign:${b.campaign}`, `&filter=advertiser:${b.advertiser}`]) {
      await api.call('GET', `/api/v1/reports?metrics=bids,winRate${filter}`, { key: keyA });
      expect(api.reports.asked.at(-1)!.filter, filter).toEqual({ campaign: filter === '' ? [a.campaign] : [] });
    }
  });

  it('shows a tenant its own', async () => {
    const { api, a, keyA, readA } = await world();
    for (const key of [keyA, readA]) {
      expect(
        (await api.call('GET', '/api/v1/campaigns', { key })).json.items.map((item: { id: number }) => item.id),
      ).toEqual([a.campaign]);
      expect((await api.call('GET', '/api/v1/live', { key })).json.campaigns[0].today.spendNanos).toBe('777000111');
      expect((await api.call('GET', `/api/v1/campaigns/${a.campaign}/history`, { key })).json.items.length).toBe(3);
      expect((await api.call('GET', '/api/v1/pacing', { key })).json.items).toHaveLength(1);
      const files = (await api.call('GET', '/api/v1/ad-files', { key })).json.items;
      expect(files.map(({ id }: { id: string }) => id)).toEqual([a.file]);
    }
    const rename = { body: { name: 'Mine' }, headers: { 'if-match': '*' } };
    expect((await api.call('PATCH', `/api/v1/campaigns/${a.campaign}`, { key: keyA, ...rename })).status).toBe(200);
    expect((await api.call('PATCH', `/api/v1/campaigns/${a.campaign}`, { key: readA, ...rename })).status).toBe(403);
  });

  it('keeps money and approval for operators', async () => {
    const { api, a, keyA } = await world();
    const patch = (path: string, body: object) =>
      api.call('PATCH', `/api/v1/${path}`, { key: keyA, body, headers: { 'if-match': '*' } });
    expect((await patch(`advertisers/${a.advertiser}`, { budget: { lifetimeMicros: 1e12 } })).status).toBe(403);
    expect((await patch(`creatives/${a.creative}`, { exchangeApprovals: { demo: 'approved' } })).status).toBe(403);
    expect((await patch(`creatives/${a.creative}`, { banner: { html: 'other' } })).json.approval).toBe('pending');
    expect((await patch(`creatives/${a.creative}`, { approval: 'approved' })).status).toBe(403);
    const made = await api.call('POST', '/api/v1/creatives', {
      key: keyA,
      body: {
        lineItemId: a.lineItem,
        name: 'n',
        format: 'banner',
        banner: { w: 1, h: 1, html: 'x' },
        landingUrl: 'https://x.example.com',
        adomain: ['x.example.com'],
      },
    });
    expect(made.json.approval).toBe('pending');
  });

  it('describes every route it serves, so that none escapes these tests', async () => {
    const { app } = await createHarness();
    const served = app.routes
      .filter((route) => route.path.startsWith('/api/v1/') && route.method !== 'ALL' && !route.path.includes('*'))
      .map((route) => `${route.method.toLowerCase()} ${route.path.slice('/api/v1'.length).replace(/:\w+/g, '{id}')}`);
    const described = operations.map((operation) => `${operation.method} ${operation.path}`);
    expect(new Set(served)).toEqual(new Set(described));
    expect(served.length).toBeGreaterThan(25);
  });
});
