import { describe, expect, it } from 'vitest';
import { differences } from './audit.ts';
import { createHarness } from './fakes.case.ts';

describe('idempotency', () => {
  it('answers a repeated POST with the first answer and makes one entity', async () => {
    const api = await createHarness();
    const post = (name: string, key = 'abc') =>
      api.call('POST', '/api/v1/advertisers', { body: { name }, headers: { 'idempotency-key': key } });
    const first = await post('One');
    const again = await post('One');
    expect([again.status, again.text, again.headers.get('location')]).toEqual([
      201,
      first.text,
      first.headers.get('location'),
    ]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect((await post('Two')).json.code).toBe('idempotency_mismatch');
    expect((await post('Two', 'def')).status).toBe(201);
    expect((await api.call('GET', '/api/v1/advertisers')).json.items).toHaveLength(2);
    api.clock.advance(24 * 3_600_000 + 1);
    expect((await post('Two')).status).toBe(201);
  });

  it('lets one of two simultaneous requests through', async () => {
    const api = await createHarness();
    const post = () =>
      api.call('POST', '/api/v1/advertisers', { body: { name: 'One' }, headers: { 'idempotency-key': 'k' } });
    const statuses = (await Promise.all([post(), post(), post()])).map((answer) => answer.status).sort();
    expect(statuses).toEqual([201, 409, 409]);
  });
});

describe('rate limits', () => {
  it('says what is left, refuses what is too much, and forgives after a minute', async () => {
    const api = await createHarness([], { limits: { maxRequestsPerMinute: 3 } });
    const me = () => api.call('GET', '/api/v1/me');
    expect((await me()).headers.get('ratelimit-remaining')).toBe('2');
    await me();
    await me();
    const refused = await me();
    expect([refused.status, refused.json.code]).toEqual([429, 'too_many_requests']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    api.clock.advance(60_000);
    expect((await me()).status).toBe(200);
  });
});

describe('the audit log', () => {
  it('tells who changed which field from what to what, newest first', async () => {
    const api = await createHarness();
    const made = await api.call('POST', '/api/v1/advertisers', { body: { name: 'Before' } });
    const id = made.json.id;
    const campaign = (await api.call('POST', '/api/v1/campaigns', { body: { advertiserId: id, name: 'C' } })).json;
    await api.call('PATCH', `/api/v1/campaigns/${campaign.id}`, {
      body: { name: 'D', budget: { dailyMicros: 9_000_000 } },
      headers: { 'if-match': '"v1"', 'x-request-id': 'req-7' },
    });
    const history = (await api.call('GET', `/api/v1/campaigns/${campaign.id}/history`)).json.items;
    expect(history).toHaveLength(3);
    expect(history[0]).toMatchObject({
      action: 'update',
      kind: 'campaign',
      requestId: 'req-7',
      actor: { name: 'bootstrap operator', role: 'operator' },
      fields: [
        { field: 'name', from: 'C', to: 'D' },
        { field: 'budget.dailyMicros', from: null, to: 9_000_000 },
      ],
    });
    const first = await api.call('GET', '/api/v1/audit?limit=3');
    const rest = await api.call('GET', `/api/v1/audit?limit=3&cursor=${first.json.nextCursor}`);
    expect([...first.json.items, ...rest.json.items].map((entry) => entry.kind)).toEqual([
      'campaign',
      'line_item',
      'campaign',
      'advertiser',
    ]);
  });

  it('finds nested differences and leaves the version out', () => {
    expect(differences({ a: { b: 1, c: [1] }, version: 1 }, { a: { b: 2, c: [1] }, version: 2 })).toEqual([
      { field: 'a.b', from: 1, to: 2 },
    ]);
  });
});
