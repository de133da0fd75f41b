import { describe, expect, it } from 'vitest';
import { createHarness } from './fakes.case.ts';

describe('kill switches', () => {
  it('are set and lifted by operators, with a reason and a name', async () => {
    const api = await createHarness();
    const set = await api.call('PUT', '/api/v1/switches/all', { body: { on: true, reason: 'prices look wrong' } });
    expect(set.status, set.text).toBe(200);
    expect(set.json).toMatchObject({ scope: 'all', on: true });
    expect(set.json.reason).toMatch(/^prices look wrong \(.+\)$/);
    expect((await api.call('GET', '/api/v1/switches')).json.items).toEqual([set.json]);
    await api.call('PUT', '/api/v1/switches/all', { body: { on: false, reason: 'explained' } });
    const audit = (await api.call('GET', '/api/v1/audit')).json.items as {
      kind: string;
      entityId: string;
      fields: object[];
    }[];
    const switched = audit.filter((entry) => entry.kind === 'switch' && entry.entityId === 'all');
    expect(switched.map(({ fields }) => fields)).toEqual([
      expect.arrayContaining([{ field: 'on', from: true, to: false }]),
      expect.arrayContaining([{ field: 'on', from: false, to: true }]),
    ]);
    expect((await api.call('GET', '/api/v1/switches')).json.items[0]).toMatchObject({ scope: 'all', on: false });
  });

  it('reach the campaigns topic, which bidders follow', async () => {
    const api = await createHarness();
    await api.call('PUT', '/api/v1/switches/exchange:demo', { body: { on: true, reason: 'they asked' } });
    const seen: string[] = [];
    const consumer = await api.log.consume({
      topic: 'campaigns',
      group: null,
      maxBatchRecords: 100,
      onBatch: async ({ records }) => void seen.push(...records.map((record) => `${record.key} ${record.value}`)),
      onError: () => undefined,
    });
    await new Promise((resolve) => setTimeout(resolve, 0));
    await consumer.stop();
    expect(seen.some((one) => one.startsWith('switch:exchange:demo {"kind":"switch"'))).toBe(true);
  });

  it('refuse a scope that stops nothing, and a change without a reason', async () => {
    const api = await createHarness();
    const body = { on: true, reason: 'because' };
    for (const scope of ['campaign:77', 'advertiser:x', 'everything', 'all:1', 'exchange', 'exchange:a%2Fb']) {
      const refused = await api.call('PUT', `/api/v1/switches/${scope}`, { body });
      expect(refused.status, `${scope} ${refused.text}`).toBe(422);
      expect(refused.json).toMatchObject({ code: 'invalid_field', field: 'scope' });
    }
    expect((await api.call('PUT', '/api/v1/switches/all', { body: { on: true } })).json.field).toBe('reason');
    expect((await api.call('GET', '/api/v1/switches')).json.items).toEqual([]);
  });

  it('are for operators only', async () => {
    const api = await createHarness();
    const made = await api.call('POST', '/api/v1/advertisers', { body: { name: 'Acme', timeZone: 'UTC' } });
    for (const key of [await api.keyFor('advertiser', made.json.id), await api.keyFor('read_only', null)]) {
      const body = { on: true, reason: 'because' };
      expect((await api.call('PUT', '/api/v1/switches/all', { key, body })).status).toBe(403);
      expect((await api.call('GET', '/api/v1/switches', { key })).status).toBe(403);
    }
  });
});
