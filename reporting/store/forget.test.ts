import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportQuerySchema } from '../../core/report.ts';
import { openStore } from './clickhouse.ts';
import { eventRow } from './rows.case.ts';
import type { Store } from './store.ts';

const AT_MS = Date.UTC(2026, 2, 29, 0, 0, 0);
const HOUR_MS = 3_600_000;
const dir = mkdtempSync(join(tmpdir(), 'evenkeel-forget-'));
let store: Store;
beforeAll(async () => {
  store = await openStore({ at: { dir } });
}, 60_000);
afterAll(async () => {
  await store.close();
  // The engine may still be removing parts that were replaced.
  rmSync(dir, { recursive: true, force: true, maxRetries: 20 });
});

/** A billed event of a bid of its own. */
function row(parts: Parameters<typeof eventRow>[0] & { offset: number }) {
  const made = eventRow({ bidAtMs: AT_MS, billing: true, billedNanos: 11, ...parts });
  return { ...made, eventId: `${parts.offset}`.padStart(24, '0') };
}

describe('the store', () => {
  it('forgets a user, and keeps every count and all money', async () => {
    await store.insertEvents({
      token: 'events/0:0-2',
      rows: [
        row({ offset: 0, user: 0xfee, ip: '203.0.113.7', ua: 'Firefox' }),
        row({ offset: 1, user: 0xfee }),
        row({ offset: 2, user: 0xfef }),
      ],
    });
    const query = reportQuerySchema.parse({
      fromMs: AT_MS,
      toMs: AT_MS + HOUR_MS,
      metrics: ['received', 'spendNanos'],
    });
    const before = await store.query(query);
    expect(before.rows[0]?.metrics).toEqual({ received: 3, spendNanos: '33' });
    expect(await store.forget(['0000000000000fee'])).toBe(2);
    expect(await store.forget(['0000000000000fee'])).toBe(0);
    expect(await store.query(query)).toEqual(before);
    const { faults } = await store.audit();
    expect(faults, 'aggregates still equal their rows').toEqual([]);
  });
});
