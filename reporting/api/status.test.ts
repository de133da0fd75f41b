import { describe, expect, it } from 'vitest';
import { CodedError } from '../../core/errors.ts';
import { type StoreHealth, storeHealthSchema } from '../../core/storehealth.ts';
import { createHarness, START_MS } from './fakes.case.ts';

const healthy: StoreHealth = {
  version: '26.5.1.1',
  answeredMs: 4,
  queries: { count: 2, p50Ms: 10, p95Ms: 20, maxMs: 20 },
  errors: 0,
  lastError: null,
  tables: [{ table: 'events', rows: 7, parts: 2, mostPartsOfADay: 1, bytes: 900, lastInsertMs: START_MS }],
  daysSummedUp: 1,
  diskFreeBytes: 5,
  diskBytes: 10,
};
const sla = { p99Ms: 12.5, errorPercent: 0.4, lagRecords: 321 };

describe('the status for operators', () => {
  it('tells how the store does, what is promised and what waits', async () => {
    const api = await createHarness([], {
      sla,
      status: { store: async () => healthy, ingest: async () => ({ lag: 17 }) },
    });
    const answer = await api.call('GET', '/api/v1/events/status');
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ nowMs: START_MS, sla, store: healthy, ingest: { lag: 17 }, following: true });
    expect(storeHealthSchema.parse(answer.json.store)).toEqual(healthy);
    expect(answer.json.topics.map(({ topic }: { topic: string }) => topic)).toContain('events');
  });

  it('says what keeps the store from answering, and asks again after five seconds, not before', async () => {
    let asked = 0;
    const store = async (): Promise<StoreHealth> => {
      if (asked++ === 0) throw new CodedError('store_unavailable', 'The store does not answer.', 'Start it.');
      return healthy;
    };
    const api = await createHarness([], { status: { store } });
    const look = async () => (await api.call('GET', '/api/v1/events/status')).json.store;
    const away = { error: { code: 'store_unavailable', message: 'The store does not answer.' } };
    expect(await look()).toEqual(away);
    api.clock.advance(4999);
    expect([await look(), asked]).toEqual([away, 1]);
    api.clock.advance(1);
    expect([await look(), asked]).toEqual([healthy, 2]);
  });

  it('says null for what this process does not have, and nothing to advertisers', async () => {
    const api = await createHarness();
    expect((await api.call('GET', '/api/v1/events/status')).json).toMatchObject({ store: null, ingest: null });
    const key = await api.keyFor('advertiser', 1);
    expect((await api.call('GET', '/api/v1/events/status', { key })).json).toMatchObject({ code: 'forbidden' });
  });
});
