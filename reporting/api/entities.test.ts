import { describe, expect, it } from 'vitest';
import { createHarness, type Harness, START_MS } from './fakes.case.ts';

async function advertiser(api: Harness, name = 'Acme'): Promise<number> {
  const made = await api.call('POST', '/api/v1/advertisers', { body: { name, timeZone: 'Europe/Berlin' } });
  expect(made.status, made.text).toBe(201);
  return made.json.id;
}

const creative = {
  name: 'Banner',
  format: 'banner',
  banner: { w: 300, h: 250, html: '<a href="${CLICK_URL}">ad</a>' },
  landingUrl: 'https://acme.example.com/',
  adomain: ['acme.example.com'],
};

describe('entities', () => {
  it('gives a campaign without line items one', async () => {
    const api = await createHarness();
    const advertiserId = await advertiser(api);
    const made = await api.call('POST', '/api/v1/campaigns', { body: { advertiserId, name: 'Spring' } });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`/api/v1/campaigns/${made.json.id}`);
    const items = await api.call('GET', `/api/v1/line-items?campaignId=${made.json.id}`);
    expect(items.json.items).toHaveLength(1);
    expect(items.json.items[0]).toMatchObject({ name: 'Spring', goal: { type: 'cpm' }, version: 1 });
  });

  it('creates a campaign with nested line items and creatives at once', async () => {
    const api = await createHarness();
    const advertiserId = await advertiser(api);
    const lineItem = { name: 'All', goal: { type: 'cpm', bidCpmMicros: 1_000_000 }, creatives: [creative] };
    const made = await api.call('POST', '/api/v1/campaigns', {
      body: { advertiserId, name: 'Tree', lineItems: [lineItem] },
    });
    expect(made.status, made.text).toBe(201);
    const creatives = await api.call('GET', `/api/v1/creatives?campaignId=${made.json.id}`);
    expect(creatives.json.items[0]).toMatchObject({ approval: 'approved', name: 'Banner' });
    expect((await api.call('GET', `/api/v1/campaigns/${made.json.id}/hindrances`)).json.items).toEqual([]);
  });

  it('names the nested field at fault and writes nothing', async () => {
    const api = await createHarness();
    const advertiserId = await advertiser(api);
    const lineItem = { name: 'All', goal: { type: 'cpm', bidCpmMicros: -1 } };
    const made = await api.call('POST', '/api/v1/campaigns', {
      body: { advertiserId, name: 'Tree', lineItems: [lineItem] },
    });
    expect(made.status).toBe(422);
    expect(made.headers.get('content-type')).toBe('application/problem+json');
    expect(made.json).toMatchObject({ code: 'invalid_field', field: 'lineItems.0.goal.bidCpmMicros', status: 422 });
    expect((await api.call('GET', '/api/v1/campaigns')).json.items).toEqual([]);
  });

  it('does not make active what can not bid in its currency, and says who can help', async () => {
    const api = await createHarness();
    const body = { name: 'Swiss', currency: 'CHF' };
    const refused = await api.call('POST', '/api/v1/advertisers', { body });
    expect([refused.status, refused.json.code, refused.json.field]).toEqual([422, 'unsupported_currency', 'currency']);
    expect(refused.json.detail).toMatch(/CHF.*no rate.*"currencies".*EUR, USD/);
    const account = (await api.call('POST', '/api/v1/advertisers', { body: { ...body, status: 'draft' } })).json;
    const active = { advertiserId: account.id, name: 'C' };
    const campaign = await api.call('POST', '/api/v1/campaigns', { body: active });
    expect([campaign.status, campaign.json.code, campaign.json.field]).toEqual([422, 'unsupported_currency', 'status']);
    const draft = await api.call('POST', '/api/v1/campaigns', { body: { ...active, status: 'draft' } });
    expect(draft.status).toBe(201);
    const change = async (path: string, version: number, status: string, more: object = {}) =>
      api.call('PATCH', path, { body: { status, ...more }, headers: { 'if-match': `"v${version}"` } });
    const path = `/api/v1/campaigns/${draft.json.id}`;
    expect((await change(path, 1, 'active')).json.code).toBe('unsupported_currency');
    const account2 = `/api/v1/advertisers/${account.id}`;
    expect((await change(account2, 1, 'active')).json.code).toBe('unsupported_currency');
    // Why it does not spend, while it is so.
    const why = await api.call('GET', `${path}/hindrances`);
    expect(why.json.items.map(({ code }: { code: string }) => code)).toContain('unsupported_currency');
    expect((await change(account2, 1, 'active', { currency: 'EUR' })).status).toBe(200);
    expect((await change(path, 1, 'active')).status).toBe(200);
    expect((await change(account2, 2, 'active', { currency: 'CHF' })).json.code).toBe('unsupported_currency');
  });

  it('refuses a lost update', async () => {
    const api = await createHarness();
    const id = await advertiser(api);
    const path = `/api/v1/advertisers/${id}`;
    expect((await api.call('PATCH', path, { body: { name: 'X' } })).json.code).toBe('precondition_required');
    const first = await api.call('PATCH', path, { body: { name: 'X' }, headers: { 'if-match': '"v1"' } });
    expect(first.json).toMatchObject({ name: 'X', version: 2, timeZone: 'Europe/Berlin' });
    const second = await api.call('PATCH', path, { body: { name: 'Y' }, headers: { 'if-match': '"v1"' } });
    expect([second.status, second.json.code, second.headers.get('etag')]).toEqual([412, 'version_conflict', '"v2"']);
    const cached = await api.call('GET', path, { headers: { 'if-none-match': '"v2"' } });
    expect(cached.status).toBe(304);
  });

  it('lets only one of many racing updates with the same tag through', async () => {
    const api = await createHarness();
    const id = await advertiser(api);
    const racing = Array.from({ length: 20 }, (_, i) =>
      api.call('PATCH', `/api/v1/advertisers/${id}`, { body: { name: `N${i}` }, headers: { 'if-match': '"v1"' } }),
    );
    const statuses = (await Promise.all(racing)).map((answer) => answer.status).sort();
    expect(statuses).toEqual([200, ...Array.from({ length: 19 }, () => 412)]);
  });

  it('explains what can not be meant', async () => {
    const api = await createHarness();
    const advertiserId = await advertiser(api);
    const flight = { startMs: 0, endMs: START_MS - 1 };
    const ended = await api.call('POST', '/api/v1/campaigns', { body: { advertiserId, name: 'Late', flight } });
    expect(ended.json).toMatchObject({ code: 'invalid_field', field: 'flight.endMs' });
    const made = await api.call('POST', '/api/v1/campaigns', { body: { advertiserId, name: 'C', status: 'draft' } });
    const goal = { type: 'cpm', bidCpmMicros: 5_000_000 };
    const poor = { campaignId: made.json.id, name: 'L', goal, budget: { dailyMicros: 4999 } };
    expect((await api.call('POST', '/api/v1/line-items', { body: poor })).json.field).toBe('budget.dailyMicros');
    const item = await api.call('POST', '/api/v1/line-items', { body: { ...poor, budget: { dailyMicros: 5000 } } });
    expect(item.status, item.text).toBe(201);
    const insecure = { ...creative, lineItemId: item.json.id, landingUrl: 'http://acme.example.com/' };
    expect((await api.call('POST', '/api/v1/creatives', { body: insecure })).json.field).toBe('landingUrl');
    const orphan = { ...creative, lineItemId: 12345 };
    expect((await api.call('POST', '/api/v1/creatives', { body: orphan })).json.field).toBe('lineItemId');
    const path = `/api/v1/campaigns/${made.json.id}`;
    const any = { headers: { 'if-match': '*' } };
    expect((await api.call('PATCH', path, { body: { status: 'archived' }, ...any })).status).toBe(200);
    const back = await api.call('PATCH', path, { body: { status: 'active' }, ...any });
    expect(back.json).toMatchObject({ code: 'transition_not_allowed', field: 'status' });
  });

  it('says when the line items that are left are dearer than a budget', async () => {
    const api = await createHarness();
    const advertiserId = await advertiser(api);
    const lineItem = (name: string, bidCpmMicros: number) => ({ name, goal: { type: 'cpm', bidCpmMicros } });
    const lineItems = [lineItem('cheap', 2_000_000), lineItem('dear', 8_000_000)];
    const body = { advertiserId, name: 'C', lineItems };
    const { id } = (await api.call('POST', '/api/v1/campaigns', { body })).json;
    const any = { headers: { 'if-match': '*' } };
    const poor = await api.call('PATCH', `/api/v1/campaigns/${id}`, {
      body: { budget: { dailyMicros: 1999 } },
      ...any,
    });
    expect(poor.json).toMatchObject({ status: 422, code: 'invalid_field', field: 'budget.dailyMicros' });
    expect(poor.json.detail).toBe(
      'budget.dailyMicros: 0.001999 does not pay for one impression at the highest bid, which costs 0.002',
    );
    const budget = { dailyMicros: 5000 };
    expect((await api.call('PATCH', `/api/v1/campaigns/${id}`, { body: { budget }, ...any })).status).toBe(200);
    const reasons = async () => (await api.call('GET', `/api/v1/campaigns/${id}/hindrances`)).json.items;
    expect((await reasons()).map(({ code }: { code: string }) => code)).not.toContain('budget_below_bid');
    const items = (await api.call('GET', `/api/v1/line-items?campaignId=${id}&name=cheap`)).json.items;
    await api.call('PATCH', `/api/v1/line-items/${items[0].id}`, { body: { status: 'paused' }, ...any });
    expect(await reasons()).toContainEqual({
      code: 'budget_below_bid',
      message:
        'A budget of the campaign, 0.005, does not pay for one impression: the cheapest active line item bids 0.008 for one.',
    });
  });

  it('explains a bid that no level of the budget can pay for', async () => {
    const api = await createHarness();
    const advertiserId = await advertiser(api);
    const any = { headers: { 'if-match': '*' } };
    const goal = (bidCpmMicros: number) => ({ type: 'cpm', bidCpmMicros });
    const campaign = (body: object) =>
      api.call('POST', '/api/v1/campaigns', { body: { advertiserId, name: 'C', ...body } });
    const nested = await campaign({ budget: { dailyMicros: 4999 }, lineItems: [{ name: 'L', goal: goal(5_000_000) }] });
    expect(nested.json.field, nested.text).toBe('lineItems.0.goal.bidCpmMicros');
    expect(nested.json.detail).toContain('costs 0.005, more than the daily budget of the campaign, 0.004999');
    const made = await campaign({
      budget: { lifetimeMicros: 5000 },
      lineItems: [{ name: 'L', goal: goal(5_000_000) }],
    });
    expect(made.status, made.text).toBe(201);
    const path = `/api/v1/campaigns/${made.json.id}`;
    const poorer = await api.call('PATCH', path, { body: { budget: { lifetimeMicros: 4999 } }, ...any });
    expect([poorer.json.field, poorer.status]).toEqual(['budget.lifetimeMicros', 422]);
    const second = { campaignId: made.json.id, name: 'M', goal: goal(5_000_001) };
    expect((await api.call('POST', '/api/v1/line-items', { body: second })).json.field).toBe('goal.bidCpmMicros');
    const account = `/api/v1/advertisers/${advertiserId}`;
    const empty = await api.call('PATCH', account, { body: { budget: { dailyMicros: 4999 } }, ...any });
    expect(empty.json.field).toBe('budget.dailyMicros');
    expect((await api.call('PATCH', account, { body: { budget: { dailyMicros: 6000 } }, ...any })).status).toBe(200);
    const third = await campaign({
      lineItems: [{ name: 'L', goal: { type: 'cpc', targetMicros: 1, maxCpmMicros: 6_001_000 } }],
    });
    expect(third.json.detail).toContain('daily budget of the account, 0.006');
  });

  it('pages through a list without missing or repeating', async () => {
    const api = await createHarness();
    for (let i = 0; i < 7; i++) await advertiser(api, `A${i}`);
    const seen: number[] = [];
    let cursor = '';
    do {
      const page = await api.call('GET', `/api/v1/advertisers?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...page.json.items.map((item: { id: number }) => item.id));
      cursor = page.json.nextCursor ?? '';
    } while (cursor !== '');
    expect(new Set(seen).size).toBe(7);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it('refuses bodies that are not JSON, too large, or of another type', async () => {
    const api = await createHarness();
    const post = (body: unknown, headers = {}) => api.call('POST', '/api/v1/advertisers', { body, headers });
    expect((await post('{"name":')).json.code).toBe('invalid_json');
    expect((await post('[]')).json.code).toBe('invalid_json');
    expect((await post('name=x', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await post({ name: 'x'.repeat(200_000) })).status).toBe(413);
    expect((await post({ name: 'x', surprise: 1 })).json.code).toBe('invalid_field');
  });

  it('merges nested objects and lets null restore a default', async () => {
    const api = await createHarness();
    const advertiserId = await advertiser(api);
    const budget = { dailyMicros: 5_000_000, lifetimeMicros: 9_000_000 };
    const made = await api.call('POST', '/api/v1/campaigns', { body: { advertiserId, name: 'C', budget } });
    const patched = await api.call('PATCH', `/api/v1/campaigns/${made.json.id}`, {
      body: { budget: { dailyMicros: null } },
      headers: { 'if-match': '"v1"' },
    });
    expect(patched.json.budget).toEqual({ dailyMicros: null, lifetimeMicros: 9_000_000 });
  });
});
