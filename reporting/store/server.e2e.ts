import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reportQuerySchema } from '../../core/report.ts';
import { openStore } from './clickhouse.ts';
import { eventRow } from './rows.case.ts';
import { startWireServer, type WireServer } from './wire.case.ts';

const AT_MS = Date.UTC(2026, 2, 29, 0, 0, 0);
let dir = '';
let server: WireServer;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'evenkeel-wire-'));
  server = await startWireServer(dir);
});
afterEach(async () => {
  await server.kill();
  rmSync(dir, { recursive: true, force: true });
});

const open = (url: string, password = 'right') =>
  openStore({ at: { server: { url, username: 'default', password, timeoutMs: 20_000 } }, waitMs: 0 });
const total = reportQuerySchema.parse({ fromMs: AT_MS, toMs: AT_MS + 3_600_000, metrics: ['received', 'spendNanos'] });

describe('a store on a ClickHouse server', () => {
  it('migrates, inserts, reports and streams over HTTP', async () => {
    const store = await open(server.url);
    const rows = Array.from({ length: 5000 }, (_, offset) => eventRow({ offset, billedNanos: offset, billing: true }));
    await store.insertEvents({ rows, token: 'events/0:0-4999' });
    expect((await store.query(total)).rows[0]?.metrics).toEqual({ received: 5000, spendNanos: '12497500' });
    expect((await store.positions('events')).get(0)).toBe(5000);
    let ids = 0;
    await store.claims(0, 'others', 0, (chunk) => {
      ids += chunk.length;
    });
    expect(ids).toBe(0);
    expect(await store.spend(AT_MS, AT_MS + 60_000, 10_000)).toMatchObject([{ billedNanos: 12_497_500n, bills: 5000 }]);
    await store.close();
  });

  it('takes the same block once, however often it comes, also after a restart of both', async () => {
    let store = await open(server.url);
    const block = { rows: [eventRow({ offset: 1, billedNanos: 7 })], token: 'events/0:1-1' };
    await store.insertEvents(block);
    await store.insertEvents(block);
    await store.close();
    await server.kill();
    server = await startWireServer(dir);
    store = await open(server.url);
    await store.insertEvents(block);
    expect((await store.query(total)).rows[0]?.metrics).toEqual({ received: 1, spendNanos: '7' });
    await store.close();
  });

  it('counts people once, however often they were reached: per campaign, hour and region', async () => {
    const HOUR_MS = 3_600_000;
    const store = await open(server.url);
    // Twenty people in each of two regions; the first ten of each come back an hour later, in the other campaign too.
    const seen = [
      ...Array.from({ length: 40 }, (_, i) => ({ user: i + 1, region: i < 20 ? 'BE' : 'BY', campaignId: 2, hour: 0 })),
      ...Array.from({ length: 40 }, (_, i) => ({ user: i + 1, region: i < 20 ? 'BE' : 'BY', campaignId: 2, hour: 0 })),
      ...Array.from({ length: 10 }, (_, i) => ({ user: i + 1, region: 'BE', campaignId: 3, hour: 1 })),
      ...Array.from({ length: 10 }, (_, i) => ({ user: i + 1, region: 'BE', campaignId: 2, hour: 1 })),
      { user: 0, region: 'BE', campaignId: 2, hour: 1 },
    ];
    const rows = seen.map(({ user, region, campaignId, hour }, offset) => {
      const row = eventRow({ offset, user, campaignId, bidAtMs: AT_MS + hour * HOUR_MS, type: 'impression' });
      return { ...row, token: { ...row.token!, region } };
    });
    await store.insertEvents({ rows: rows.slice(0, 60), token: 'events/0:0-59' });
    await store.insertEvents({ rows: rows.slice(60), token: `events/0:60-${rows.length - 1}` });
    const { rows: found } = await store.query(
      reportQuerySchema.parse({
        fromMs: AT_MS,
        toMs: AT_MS + 2 * HOUR_MS,
        granularity: 'hour',
        dimensions: ['campaign', 'region'],
        metrics: ['reach', 'impressions', 'frequency'],
      }),
    );
    const table = found
      .map(({ timeMs, dimensions, metrics }) => [
        (timeMs - AT_MS) / HOUR_MS,
        dimensions.campaign,
        dimensions.region,
        metrics.reach,
        metrics.impressions,
        metrics.frequency,
      ])
      .sort();
    expect(table).toEqual([
      [0, 2, 'BE', 20, 40, 2],
      [0, 2, 'BY', 20, 40, 2],
      [1, 2, 'BE', 10, 11, 1.1],
      [1, 3, 'BE', 10, 10, 1],
    ]);
    await store.close();
  });

  it('says whether an insert was refused, or its outcome is unknown', async () => {
    await expect(open(server.url, 'wrong')).rejects.toMatchObject({ code: 'store_denied' });
    const store = await open(server.url);
    await server.kill();
    await expect(store.ping()).rejects.toMatchObject({ code: 'store_unavailable' });
    await expect(store.insertEvents({ rows: [eventRow({ offset: 1 })], token: 'events/0:1-1' })).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    await store.close();
    await expect(open(server.url)).rejects.toMatchObject({ code: 'store_unavailable' });
  });
});
