import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openStore } from './clickhouse.ts';
import { eventRow } from './rows.case.ts';
import type { Store } from './store.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const AT_MS = Date.UTC(2026, 2, 29, 0, 0, 0);
const HOUR_MS = 3_600_000;
const dir = mkdtempSync(join(tmpdir(), 'evenkeel-spend-'));
let store: Store;
beforeAll(async () => {
  store = await openStore({ at: { dir } });
});
afterAll(async () => {
  await store.close();
  // The engine may still be removing parts that were replaced.
  rmSync(dir, { recursive: true, force: true, maxRetries: 20 });
});

describe('spend', () => {
  it('answers the pacer per line item, node and bucket', async () => {
    const at = AT_MS + 100 * HOUR_MS;
    const types = ['win', 'bill', 'bill', 'impression', 'click', 'conversion'] as const;
    await store.insertEvents({
      token: 'events/22:0-6',
      rows: [
        ...types.map((type, offset) =>
          eventRow({
            partition: 22,
            offset,
            type,
            bidAtMs: at,
            billing: type === 'bill',
            billedNanos: type === 'bill' ? 3 : 0,
          }),
        ),
        eventRow({ partition: 22, offset: 6, type: 'bill', bidAtMs: at, status: 'duplicate' }),
      ],
    });
    const rows = await store.spend(at - 60_000, at + 60_000, 60_000);
    expect(rows).toEqual([
      {
        advertiserId: 1,
        campaignId: 2,
        lineItemId: 3,
        node: '0000000a',
        bucketMs: at,
        billedNanos: 6n,
        bills: 2,
        wins: 1,
        impressions: 1,
        clicks: 1,
        conversions: 1,
      },
    ]);
    expect(await store.spend(at + 60_000, at + 120_000, 10_000)).toEqual([]);
  });
});
