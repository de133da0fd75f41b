import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { createEmbeddedLog, type EmbeddedLog } from '../log/embedded.ts';
import { eventually } from '../log/eventlog.case.ts';
import { openStore } from '../store/clickhouse.ts';
import { eventRow } from '../store/rows.case.ts';
import type { Store } from '../store/store.ts';
import { differences } from './audit.case.ts';
import { type Ingest, startIngest } from './ingest.ts';
import { replay } from './replay.ts';
import { createTraffic, otherKey, testKey } from './truth.case.ts';

const PATIENCE_MS = 15_000;
/** These tests start engines and write real blocks: on a busy machine they take their time. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });
const dir = mkdtempSync(join(tmpdir(), 'evenkeel-ingest-'));
const registry = new Registry();
let log: EmbeddedLog;
let store: Store;
let ingest: Ingest;
const fatal: unknown[] = [];

function start(over: Store): Promise<Ingest> {
  return startIngest(
    { tokenKeys: [testKey], flushMs: 50 },
    {
      log,
      store: over,
      clock: systemClock,
      registry: new Registry(),
      logger: pino({ level: 'silent' }),
      onFatal: (error) => fatal.push(error),
    },
  );
}

beforeAll(async () => {
  log = createEmbeddedLog({ dir: join(dir, 'log') }, { clock: systemClock });
  store = await openStore({ at: { dir: join(dir, 'store') } });
});
afterAll(async () => {
  await ingest.stop();
  await log.close();
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

async function drained(): Promise<void> {
  for (;;) {
    const [ends, positions] = [await log.bounds('events'), await store.positions('events')];
    if (ends.every(({ partition, end }) => end === 0 || positions.get(partition) === end)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

it('counts everything once through duplicates, forgeries, late events, failing inserts and restarts', async () => {
  const startedMs = systemClock.nowMs();
  const traffic = createTraffic(1, 0xaa);
  let failures = 0;
  // Every third insert is not done, every fifth is done and reported as failed.
  let inserts = 0;
  const faulty: Store = {
    ...store,
    async insertEvents(block) {
      inserts += 1;
      if (inserts % 3 === 0) {
        failures += 1;
        throw new Error('lost before it was done');
      }
      await store.insertEvents(block);
      if (inserts % 5 === 0) {
        failures += 1;
        throw new Error('lost after it was done');
      }
    },
  };
  for (let round = 0; round < 3; round++) {
    ingest = await start(faulty);
    for (let i = 0; i < 5; i++) {
      const before = inserts;
      await log.append('events', traffic.next(100, systemClock.nowMs()));
      // A block each: however slow the machine is, inserts enough come for their faults.
      await eventually(() => inserts > before, PATIENCE_MS);
    }
    if (round === 1) await drained();
    if (round < 2) await ingest.stop();
  }
  await drained();
  expect(failures).toBeGreaterThan(3);
  expect(await differences(store, traffic.truth, startedMs - 27 * 3_600_000, systemClock.nowMs())).toEqual([]);
  expect(fatal).toEqual([]);
  expect(traffic.truth.statuses.duplicate).toBeGreaterThan(50);
});

it('shows a record in a report soon and says how far behind it is', async () => {
  const traffic = createTraffic(2, 0xbb);
  const startedMs = systemClock.monotonicMs();
  await log.append('events', traffic.next(10, systemClock.nowMs()));
  await drained();
  // Two seconds are promised and measured on a quiet machine; here others may be working.
  expect(systemClock.monotonicMs() - startedMs).toBeLessThan(15_000);
  expect(ingest.lag()).toBe(0);
});

it('counts bid statistics once, though they are sent twice', async () => {
  const stats = (sequence: number) => ({
    key: '000000cc',
    value: Buffer.from(
      JSON.stringify({
        v: 1,
        node: '000000cc',
        sequence,
        fromMs: systemClock.nowMs(),
        toMs: systemClock.nowMs() + 1000,
        requests: 10,
        answered: 4,
        noBids: { no_candidates: 6 },
        lineItems: [{ lineItemId: 30, campaignId: 3, matched: 9, bids: 4, bidNanos: 400, reasons: { pacing: 5 } }],
        cells: [],
      }),
    ),
  });
  await log.append('bidstats', [stats(1), stats(2), stats(2), stats(1), { key: 'x', value: Buffer.from('nonsense') }]);
  await eventually(() => ingest.lag() === 0, PATIENCE_MS);
  let positions = await store.positions('bid_stats');
  while (positions.get(0) !== 5) positions = await store.positions('bid_stats');
  const hour = 3_600_000;
  const fromMs = Math.floor(systemClock.nowMs() / hour) * hour - hour;
  const { rows } = await store.query({
    fromMs,
    toMs: fromMs + 2 * hour,
    granularity: 'none',
    timeZone: 'UTC',
    dimensions: ['campaign'],
    metrics: ['requests', 'matched', 'bids', 'bidNanos', 'noBids', 'lineItemNoBids'],
    filter: {},
    orderBy: null,
    limit: null,
    compare: null,
  });
  expect(rows.map((row) => Object.values(row.metrics))).toEqual([
    [20, 0, 0, '0', 12, 0],
    [0, 18, 8, '800', 0, 10],
  ]);
});

it('refuses a log that ends before what the store has', async () => {
  const shorter = createEmbeddedLog({ dir: join(dir, 'other-log') }, { clock: systemClock });
  const errors: unknown[] = [];
  const lost = await startIngest(
    { tokenKeys: [testKey] },
    {
      log: shorter,
      store,
      clock: systemClock,
      registry,
      logger: pino({ level: 'silent' }),
      onFatal: (error) => errors.push(error),
    },
  );
  await eventually(() => errors.length > 0, PATIENCE_MS);
  expect(errors[0]).toMatchObject({ code: 'log_behind_store' });
  await lost.stop();
  await shorter.close();
});

it('is faultless by its own audit', async () => {
  expect((await store.audit()).faults).toEqual([]);
});

it('replays the log into a new table that equals the old one, and takes its place', async () => {
  await drained();
  await ingest.stop();
  const before = await store.audit();
  const steps: number[] = [];
  const result = await replay(
    { tokenKeys: [testKey] },
    { log, store, onProgress: ({ done, total }) => steps.push(done / total) },
  );
  expect(steps.at(-1)).toBe(1);
  expect(result.replayed).toBe(before.rows);
  expect(result.after).toEqual(before);
  expect(await store.audit()).toEqual(before);

  // A bug in counting is mended: with other keys nothing is believed, with the right ones everything is again.
  const wrong = await replay({ tokenKeys: [otherKey] }, { log, store, onProgress: () => {} });
  expect(wrong.after.accepted).toBeLessThan(before.accepted / 10);
  const middle = systemClock.nowMs() - 3600_000;
  const again = await replay({ tokenKeys: [testKey], fromMs: middle }, { log, store, onProgress: () => {} });
  expect(again.after).toEqual(before);

  // Ingest goes on where the new table ends.
  const traffic = createTraffic(9, 0x99);
  await log.append('events', traffic.next(50, systemClock.nowMs()));
  ingest = await start(store);
  await drained();
  const after = await store.audit();
  expect(after.faults).toEqual([]);
  expect(after.rows).toBe(before.rows + traffic.truth.sent);
});

it('has an audit that sees rows that stand twice and offsets that are missing', async () => {
  const rebuild = await store.rebuild();
  const row = (offset: number) =>
    eventRow({ partition: 3, offset, claimed: true, eventId: String(offset).padStart(24, '0') });
  await rebuild.store.insertEvents({ rows: [row(5), row(6), row(9)], token: 'a' });
  expect((await rebuild.store.audit()).faults).toEqual(['partition 3: 2 offsets are missing']);
  await rebuild.store.insertEvents({ rows: [row(7), row(8), row(6)], token: 'b' });
  expect((await rebuild.store.audit()).faults).toEqual([
    'partition 3: 1 rows stand twice',
    '1 events are accepted twice',
  ]);
});
