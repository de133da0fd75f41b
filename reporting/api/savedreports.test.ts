import { createHmac } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createHarness, type Fact, type Harness, RUNS_DIR, START_MS } from './fakes.case.ts';

afterAll(() => rmSync(RUNS_DIR, { recursive: true, force: true }));

const HOUR_MS = 3_600_000;
const facts: Fact[] = [1, 2].flatMap((advertiser) =>
  [20, 40].map((hours) => ({
    atMs: START_MS - hours * HOUR_MS,
    advertiser,
    campaign: advertiser * 10,
    impressions: hours,
    clicks: 1,
    spendNanos: 1_000_000_001n,
  })),
);
const query = 'period=yesterday&dimensions=campaign&metrics=impressions,spendNanos';
const save = (api: Harness, body: object, key?: string) =>
  api.call('POST', '/api/v1/saved-reports', {
    body: { name: 'Daily', query, ...body },
    ...(key === undefined ? {} : { key }),
  });

describe('saved reports', () => {
  it('are kept, changed under If-Match, run, fetched and forgotten', async () => {
    const api = await createHarness(facts);
    const key = await api.keyFor('advertiser', 1);
    const made = await save(api, {}, key);
    expect(made.json).toMatchObject({ advertiserId: 1, nextMs: null, format: 'csv', version: 1 });
    expect(made.text).not.toContain('secret');
    const path = `/api/v1/saved-reports/${made.json.id}`;
    const patch = (etag: string, body: object) => api.call('PATCH', path, { key, body, headers: { 'if-match': etag } });
    expect((await patch('"v1"', { name: 'Renamed' })).json).toMatchObject({ name: 'Renamed', version: 2 });
    expect((await patch('"v1"', { name: 'Lost' })).status).toBe(412);
    expect((await api.call('GET', `${path}/file`, { key })).status).toBe(404);
    const run = await api.call('POST', `${path}/runs`, { key });
    expect(run.json).toMatchObject({ error: null, delivery: null });
    const file = await api.call('GET', `${path}/file`, { key });
    expect(file.headers.get('content-type')).toContain('text/csv');
    expect(file.text).toBe('campaign,campaignName,impressions,spend\r\n10,,20,1.000000001\r\n');
    for (let i = 0; i < 12; i++) await api.call('POST', `${path}/runs`, { key });
    expect((await api.call('GET', path, { key })).json.runs).toHaveLength(10);
    expect(readdirSync(join(RUNS_DIR, made.json.id))).toHaveLength(10);
    expect((await api.call('DELETE', path, { key })).status).toBe(204);
    expect(readdirSync(RUNS_DIR)).not.toContain(made.json.id);
  });

  it('refuse what can not be meant', async () => {
    const api = await createHarness(facts);
    const key = await api.keyFor('advertiser', 1);
    const field = async (body: object) => (await save(api, body, key)).json.field;
    expect(await field({ query: 'metrics=nonsense' })).toContain('metrics');
    expect(await field({ query: 'period=yesterday&from=2026-11-01' })).toBe('period');
    expect(await field({ query: 'from=2026-11-01', schedule: { every: 'day' } })).toBe('query');
    expect(await field({ advertiserId: 2 })).toBe('advertiserId');
    expect(await field({ deliverTo: 'http://127.0.0.1:1/' })).toBe('deliverTo');
    for (let i = 0; i < 100; i++) await save(api, {}, key);
    expect((await save(api, {}, key)).json.code).toBe('conflict');
  });

  it('run when they are due, once, for the span before, whatever was missed', async () => {
    const api = await createHarness(facts);
    const { id, nextMs } = (await save(api, { schedule: { every: 'day', hour: 6 } })).json;
    expect(nextMs).toBe(Date.parse('2026-11-23T06:00:00Z'));
    const runs = async () => (await api.call('GET', `/api/v1/saved-reports/${id}`)).json.runs;
    await api.runs.round();
    expect(await runs()).toEqual([]);
    api.clock.advance(3 * 24 * HOUR_MS);
    await api.runs.round();
    await api.runs.round();
    expect(await runs()).toHaveLength(1);
    expect(api.reports.asked.at(-1)).toMatchObject({
      fromMs: Date.parse('2026-11-24T00:00:00Z'),
      toMs: Date.parse('2026-11-25T00:00:00Z'),
    });
  });

  it('are sent signed, and again until they are taken', async () => {
    const api = await createHarness(facts);
    const got: { request: IncomingMessage; body: string }[] = [];
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      got.push({ request, body: Buffer.concat(chunks).toString('utf8') });
      response.writeHead(got.length < 3 ? 500 : 204).end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const deliverTo = `http://127.0.0.1:${(server.address() as AddressInfo).port}/reports`;
    const made = (await save(api, { deliverTo })).json;
    await api.call('POST', `/api/v1/saved-reports/${made.id}/runs`);
    const delivery = async () => (await api.call('GET', `/api/v1/saved-reports/${made.id}`)).json.runs[0].delivery;
    for (let round = 0; round < 4; round++) {
      await api.runs.round();
      api.clock.advance(6000);
    }
    expect(await delivery()).toMatchObject({ status: 'delivered', attempts: 3 });
    const { request, body } = got[2]!;
    const [, seconds, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(request.headers['x-evenkeel-signature']))!;
    expect(signature).toBe(createHmac('sha256', made.secret).update(`${seconds}.${body}`).digest('hex'));
    expect(body).toContain('10,,20,1.000000001');
    expect(request.headers['x-evenkeel-report']).toBe(made.id);
    server.close();
    await api.call('POST', `/api/v1/saved-reports/${made.id}/runs`);
    for (let round = 0; round < 9; round++) {
      await api.runs.round();
      api.clock.advance(600_001);
    }
    expect(await delivery()).toMatchObject({ status: 'given_up', attempts: 6 });
  });
});
