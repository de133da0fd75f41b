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
  openStore({ at: { server: { url, username: 'default', password, timeoutMs: 5000 } }, waitMs: 0 });
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
