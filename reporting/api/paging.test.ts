import { rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import type { PacingStatus } from '../../core/pacingstatus.ts';
import type { Alert } from './alerts.ts';
import { createHarness, type Harness, IMAGES_DIR } from './fakes.case.ts';
import { png } from './media.case.ts';
import { operations } from './operations.ts';

afterAll(() => rmSync(IMAGES_DIR, { recursive: true, force: true }));

const COUNT = 5;
const numbers = Array.from({ length: COUNT }, (_, i) => i + 1);

/** A server with five of everything that is listed. */
async function fullWorld(): Promise<Harness> {
  const alerts = numbers.map((id) => ({ id: `a${id}`, sinceMs: id % 2, untilMs: id > 3 ? 9 : null, campaignId: id }));
  const statuses = numbers.map((id) => ({
    level: 'campaign',
    id,
    campaignId: id,
    advertiserId: 1,
    budgetNanos: null,
    overNanos: '0',
  }));
  const api = await createHarness([], {
    alerts: { list: () => alerts as unknown as Alert[] },
    pacing: { statuses: () => statuses as PacingStatus[] },
  });
  const post = async (path: string, body: object): Promise<number> => {
    const answer = await api.call('POST', `/api/v1/${path}`, { body });
    expect(answer.status, answer.text).toBe(201);
    return answer.json.id;
  };
  const advertiserId = await post('advertisers', { name: 'First' });
  for (const i of numbers) {
    const name = `Thing ${i}`;
    if (i > 1) await post('advertisers', { name });
    await post('campaigns', { advertiserId, name });
    const campaignId = (await api.call('GET', '/api/v1/campaigns')).json.items[0].id;
    if (i > 1) await post('line-items', { campaignId, name, goal: { type: 'cpm', bidCpmMicros: 1 } });
    await post('keys', { name, role: 'advertiser', advertiserId });
    await post('users', { name, email: `${i}@example.com`, password: 'long enough, is it', role: 'operator' });
    await post('webhooks', { url: `https://hooks.example.com/secret-${i}` });
    await post('audiences', { advertiserId, name });
    await post('saved-reports', { name, query: 'period=today' });
    expect((await api.upload('images', png(i, i), 'image/png')).status).toBe(201);
    await api.call('PUT', `/api/v1/switches/exchange:x${i}`, { body: { on: i > 3, reason: 'because' } });
  }
  return api;
}

describe('lists', () => {
  it('come in pages that leave nothing out and show nothing twice', async () => {
    const api = await fullWorld();
    const campaign = (await api.call('GET', '/api/v1/campaigns')).json.items[0].id;
    const lists = operations.filter(({ method, answer }) => method === 'get' && answer?.endsWith('List'));
    const paged = lists.filter(({ path }) => path !== '/campaigns/{id}/hindrances');
    expect(paged.length).toBe(15);
    for (const { path, query } of paged) {
      expect(Object.keys(query ?? {}), path).toEqual(expect.arrayContaining(['limit', 'cursor']));
      const base = `/api/v1${path.replace('{id}', String(campaign))}`;
      const whole = await api.call('GET', `${base}?limit=1000`);
      expect([whole.status, whole.json.nextCursor], `${path} ${whole.text}`).toEqual([200, null]);
      const walked: unknown[] = [];
      let cursor = '';
      do {
        const page = await api.call('GET', `${base}?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
        expect(page.json.items.length, path).toBeLessThanOrEqual(2);
        walked.push(...page.json.items);
        cursor = page.json.nextCursor ?? '';
      } while (cursor !== '');
      expect(walked, path).toEqual(whole.json.items);
      if (path !== '/creatives') expect(walked.length, path).toBeGreaterThan(2);
      expect((await api.call('GET', `${base}?limit=0`)).json.field, path).toBe('limit');
    }
    expect((await api.call('GET', '/api/v1/campaigns?cursor=!')).json.field).toBe('cursor');
  });

  it('can be filtered', async () => {
    const api = await fullWorld();
    const count = async (path: string): Promise<number> => {
      const answer = await api.call('GET', `/api/v1/${path}`);
      expect(answer.status, answer.text).toBe(200);
      return answer.json.items.length;
    };
    const key = (await api.call('GET', '/api/v1/keys')).json.items[0];
    await api.call('DELETE', `/api/v1/keys/${key.id}`);
    expect(await count('keys?active=true')).toBe(4);
    expect(await count('keys?active=false')).toBe(1);
    expect(await count(`keys?advertiserId=${key.advertiserId}&role=advertiser&name=THING`)).toBe(5);
    expect(await count('keys?role=operator')).toBe(0);
    expect(await count('users?name=3@example')).toBe(1);
    expect(await count('users?advertiserId=1')).toBe(0);
    expect(await count('ad-files?kind=image&used=false')).toBe(5);
    expect(await count('ad-files?kind=media')).toBe(0);
    expect(await count('ad-files?used=true')).toBe(0);
    expect(await count('audiences?name=thing 2&status=active')).toBe(1);
    expect(await count('saved-reports?scheduled=true')).toBe(0);
    expect(await count('saved-reports?scheduled=false&name=thing')).toBe(5);
    expect(await count('switches?on=true')).toBe(2);
    expect(await count('alerts?lasting=true')).toBe(3);
    expect(await count('alerts?campaignId=2')).toBe(1);
    expect(await count('audit?kind=key')).toBe(6);
    expect(await count(`audit?entityId=${key.id}`)).toBe(2);
    expect(await count('audit?actor=nobody')).toBe(0);
    expect((await api.call('GET', '/api/v1/keys?active=perhaps')).json.field).toBe('active');
  });
});
