import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportQuerySchema } from '../../core/report.ts';
import { openStore } from './clickhouse.ts';
import { bidStatsRow, eventRow } from './rows.case.ts';
import type { Store } from './store.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 5, 30, 12);
const ago = (days: number): number => NOW_MS - days * DAY_MS;
const dir = mkdtempSync(join(tmpdir(), 'evenkeel-retention-'));
let store: Store;
beforeAll(async () => {
  store = await openStore({ at: { dir } });
  for (const [offset, days] of [200, 91.5, 89, 0].entries()) {
    const bidAtMs = ago(days);
    const row = eventRow({
      bidAtMs,
      offset,
      user: 0xabc,
      ip: '203.0.113.9',
      ua: 'Firefox',
      billing: true,
      billedNanos: 5,
    });
    const rows = [{ ...row, claimed: true, eventId: `${offset}`.padStart(24, '0') }];
    await store.insertEvents({ token: `events/0:${offset}`, rows });
    const stats = bidStatsRow({ offset, sequence: offset + 1, node: '0000000a', appendedMs: bidAtMs, fromMs: bidAtMs });
    await store.insertBidStats({ token: `bidstats/0:${offset}`, rows: [stats] });
  }
  // A log partition whose last record is old: its position is in that day.
  const quiet = bidStatsRow({
    partition: 1,
    offset: 77,
    sequence: 1,
    node: '0000000b',
    appendedMs: ago(150),
    fromMs: ago(150),
  });
  await store.insertBidStats({ token: 'bidstats/1:77', rows: [quiet] });
}, 60_000);
afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true, maxRetries: 20 });
});

describe('retention', () => {
  const user = ['0000000000000abc'];
  const query = reportQuerySchema.parse({
    fromMs: ago(300),
    toMs: NOW_MS + DAY_MS,
    metrics: ['received', 'impressions', 'bills', 'spendNanos'],
  });
  const everything = async () => {
    const claims: unknown[] = [];
    await store.claims(0, 'others', 0, (chunk) => claims.push(...chunk));
    const { rows, billedNanos, faults } = await store.audit();
    return {
      report: await store.query(query),
      spend: await store.spend(0, NOW_MS + DAY_MS - ((NOW_MS + DAY_MS) % DAY_MS), DAY_MS),
      positions: await store.positions('events'),
      claims,
      rows,
      billedNanos,
      faults,
    };
  };

  it('takes people out of old events, and leaves counts, money, ids and positions', async () => {
    const before = await everything();
    expect(before.faults).toEqual([]);
    expect(await store.retain({ personalMs: ago(90), statsMs: null })).toEqual({ events: 2, days: 0 });
    expect(await everything()).toEqual(before);
    expect(await store.retain({ personalMs: ago(90), statsMs: null }), 'nothing is left to do').toEqual({
      events: 0,
      days: 0,
    });
    expect(await store.forget(user), 'the younger two are still known').toBe(2);
  });

  it('drops old statistics, but never the last position of a log partition nor the sequence of a node that counts on', async () => {
    const positions = await store.positions('bid_stats');
    expect(await store.retain({ personalMs: null, statsMs: ago(100) })).toEqual({ events: 0, days: 1 });
    expect(await store.positions('bid_stats')).toEqual(positions);
    expect(await store.retain({ personalMs: null, statsMs: NOW_MS + 10 * DAY_MS })).toEqual({ events: 0, days: 2 });
    expect(await store.positions('bid_stats')).toEqual(positions);
    expect((await store.bidStatsSequences(ago(1))).get('0000000a')).toBe(4);
  });

  it('leaves the totals of reports that are read from sums of days, and takes the people out of those sums', async () => {
    const rollAll = async (): Promise<number> => {
      for (let made = 0; ; made += 1) if ((await store.rollUp(-1)) === null) return made;
    };
    const person = { user: 0xdef, ip: '203.0.113.7', ua: 'Chrome' };
    const impression = eventRow({
      ...person,
      bidAtMs: ago(120),
      offset: 4,
      type: 'impression',
      billing: false,
      billedNanos: 0,
    });
    await store.insertEvents({ token: 'events/0:4', rows: [{ ...impression, eventId: '4'.padStart(24, '0') }] });
    const reach = reportQuerySchema.parse({ fromMs: ago(300), toMs: NOW_MS + DAY_MS, metrics: ['reach'] });
    const people = async () => (await store.query(reach)).rows[0]?.metrics.reach;
    expect(await rollAll()).toBe(5);
    const before = await everything();
    expect([before.faults, await people()]).toEqual([[], 1]);
    expect(await store.retain({ personalMs: ago(90), statsMs: null })).toEqual({ events: 1, days: 0 });
    const summedUp = async (): Promise<number> => (await store.health()).daysSummedUp;
    expect([await summedUp(), await people()], 'its day is read from rows until it is summed up anew').toEqual([4, 0]);
    expect(await everything()).toEqual(before);
    expect(await rollAll()).toBe(1);
    expect([await summedUp(), await people()]).toEqual([5, 0]);
    expect(await everything()).toEqual(before);
  });

  it('keeps for ever where nothing is said', async () => {
    expect(await store.retain({ personalMs: null, statsMs: null })).toEqual({ events: 0, days: 0 });
  });
});
