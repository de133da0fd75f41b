import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FrequencyCap, type LineItem, lineItemSchema } from '../../core/campaign.ts';
import type { BidToken } from '../../core/token.ts';
import { compileCaps, createCapPlan, isCreativeCapped, isLineCapped } from './caps.ts';
import { createCapStore } from './capstore.ts';
import { addCount, type CapKey, capKey, createCapTable, liveCounters, readCount } from './captable.ts';
import { openCheckpoint } from './checkpoint.ts';
import { createRecentIds } from './recentids.ts';

const START = 1_700_000_000;

function lineItem(id: number, campaignId: number, frequencyCaps: readonly FrequencyCap[]): LineItem {
  return lineItemSchema.parse({
    id,
    campaignId,
    name: `line ${id}`,
    goal: { type: 'cpm', bidCpmMicros: 1_000_000 },
    frequencyCaps,
  });
}

describe('the cap table', () => {
  const key: CapKey = { a: 0, b: 0 };

  it('counts exactly while it has room', () => {
    const table = createCapTable(512);
    const operations = fc.array(fc.record({ user: fc.nat(40), id: fc.integer({ min: 1, max: 4 }), wait: fc.nat(30) }), {
      maxLength: 300,
    });
    let round = 0;
    fc.assert(
      fc.property(operations, (list) => {
        table.fill(0);
        round++;
        let now = START;
        const truth = new Map<string, { until: number; count: number }>();
        for (const { user, id, wait } of list) {
          now += wait;
          capKey(user, round, 5, id, key);
          const name = `${user}/${id}`;
          const before = truth.get(name);
          const live = before !== undefined && before.until > now;
          expect(readCount(table, key, now)).toBe(live ? before.count : 0);
          truth.set(name, live ? { ...before, count: before.count + 1 } : { until: now + 60, count: 1 });
          expect(addCount(table, key, now, now + 60, false)).toBe(0);
          expect(readCount(table, key, now)).toBe(truth.get(name)?.count);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('never counts too low when it is far too small', () => {
    const table = createCapTable(2);
    const truth = new Map<number, number>();
    let lost = 0;
    let tooHigh = 0;
    for (let i = 0; i < 5000; i++) {
      const user = (i * 7919) % 97;
      capKey(user, 1, 6, 1, key);
      lost += addCount(table, key, START, START + 86_400, false);
      truth.set(user, (truth.get(user) ?? 0) + 1);
      const counted = readCount(table, key, START);
      expect(counted).toBeGreaterThanOrEqual(truth.get(user) ?? 0);
      if (counted > (truth.get(user) ?? 0)) tooHigh++;
    }
    for (const [user, count] of truth) {
      capKey(user, 1, 6, 1, key);
      expect(readCount(table, key, START)).toBeGreaterThanOrEqual(count);
      expect(readCount(table, key, START + 86_400)).toBe(0);
    }
    expect(lost).toBeGreaterThan(0);
    expect(tooHigh).toBeGreaterThan(0);
    expect(liveCounters(table, START)).toBe(14);
  });

  it('keeps users, scopes and entities apart', () => {
    const keys = new Set<string>();
    for (let user = 0; user < 50; user++) {
      for (let kind = 0; kind < 12; kind++) {
        for (let id = 1; id <= 50; id++) {
          capKey(user, 77, kind, id, key);
          keys.add(`${key.a}/${key.b}`);
        }
      }
    }
    expect(keys.size).toBe(50 * 12 * 50);
  });
});

describe('frequency caps', () => {
  const user = Uint32Array.of(1, 2);
  const none = { line: 0, campaign: 0 };
  const shown = { campaignId: 10, lineItemId: 100, creativeId: 1000 };

  it('caps the line item, its campaign and the creative, each over its own period', () => {
    const item = lineItem(100, 10, [
      { scope: 'line_item', impressions: 2, per: 'hour' },
      { scope: 'campaign', impressions: 3, per: 'day' },
      { scope: 'creative', impressions: 1, per: 'minute' },
    ]);
    const caps = compileCaps(item);
    if (caps === null) throw new Error('caps expected');
    const table = createCapTable(64);
    const plan = createCapPlan();
    plan.set(item);
    const isCapped = (at: number) => isLineCapped(table, caps, user, null, item, none, at);
    expect(isCapped(START)).toBe(false);
    plan.count(table, user, shown, START);
    expect(isCapped(START)).toBe(false);
    expect(isCreativeCapped(table, caps, user, null, 1000, 0, START)).toBe(true);
    expect(isCreativeCapped(table, caps, user, null, 1001, 0, START)).toBe(false);
    expect(isCreativeCapped(table, caps, user, null, 1000, 0, START + 60)).toBe(false);
    expect(isLineCapped(table, caps, user, null, item, { line: 1, campaign: 1 }, START), 'two in one request').toBe(
      true,
    );
    plan.count(table, user, shown, START + 1);
    expect(isCapped(START + 1)).toBe(true);
    expect(isCapped(START + 3600), 'the hour began with the first impression').toBe(false);
    plan.count(table, user, { ...shown, lineItemId: 101 }, START + 3600);
    expect(isCapped(START + 3600), 'a sibling counts for the campaign').toBe(true);
    expect(isLineCapped(table, caps, Uint32Array.of(2, 1), null, item, none, START)).toBe(false);
    expect(isCapped(START + 86_400)).toBe(false);
  });

  it('counts what a user saw under the salt before', () => {
    const item = lineItem(100, 10, [
      { scope: 'line_item', impressions: 2, per: 'lifetime' },
      { scope: 'creative', impressions: 2, per: 'lifetime' },
    ]);
    const caps = compileCaps(item);
    if (caps === null) throw new Error('caps expected');
    const table = createCapTable(64);
    const plan = createCapPlan();
    plan.set(item);
    const renamed = Uint32Array.of(3, 4);
    plan.count(table, user, shown, START);
    expect(isLineCapped(table, caps, renamed, user, item, none, START)).toBe(false);
    plan.count(table, renamed, shown, START + 1);
    expect(isLineCapped(table, caps, renamed, user, item, none, START + 1)).toBe(true);
    expect(isCreativeCapped(table, caps, renamed, user, 1000, 0, START + 1)).toBe(true);
    expect(isLineCapped(table, caps, renamed, null, item, none, START + 1), 'two periods later').toBe(false);
  });

  it('counts once where two caps ask for the same counter, and stops when the cap is gone', () => {
    const item = lineItem(100, 10, [
      { scope: 'line_item', impressions: 5, per: 'lifetime' },
      { scope: 'line_item', impressions: 3, per: 'lifetime' },
    ]);
    const caps = compileCaps(item);
    if (caps === null) throw new Error('caps expected');
    const table = createCapTable(64);
    const plan = createCapPlan();
    plan.set(item);
    plan.set(item);
    for (let i = 0; i < 2; i++) plan.count(table, user, shown, START + i * 86_400 * 60);
    expect(isLineCapped(table, caps, user, null, item, none, START + 86_400 * 140)).toBe(false);
    plan.count(table, user, shown, START + 86_400 * 140);
    expect(isLineCapped(table, caps, user, null, item, none, START + 86_400 * 140)).toBe(true);
    plan.delete(100);
    expect(plan.count(createCapTable(1), user, shown, START)).toBe(0);
    expect(compileCaps(lineItem(1, 1, []))).toBe(null);
  });
});

describe('the cap store', () => {
  const token = (bid: number, change: Partial<BidToken> = {}): BidToken => ({
    bidId: bid.toString(16).padStart(24, 'a'),
    bidAtMs: START * 1000,
    capNanos: 1,
    advertiserId: 1,
    campaignId: 10,
    lineItemId: 100,
    creativeId: 1000,
    billingEvent: 'bill',
    test: false,
    user: '0000000100000002',
    exchange: 'demo',
    dealId: '',
    domain: '',
    country: '',
    region: '',
    os: '',
    deviceType: 0,
    mtype: 1,
    w: 0,
    h: 0,
    ...change,
  });
  const item = lineItem(100, 10, [{ scope: 'line_item', impressions: 3, per: 'day' }]);
  const impression = { type: 'impression', atMs: START * 1000 } as const;

  it('counts an impression once, however often its beacon comes, and nothing else', () => {
    const store = createCapStore({ buckets: 64 });
    store.setLineItem(item);
    store.observe(impression, token(1));
    store.observe(impression, token(1));
    store.observe({ ...impression, type: 'click' }, token(2));
    store.observe(impression, token(3, { test: true }));
    store.observe(impression, token(4, { user: '' }));
    store.observe(impression, token(5));
    expect(store.stats()).toEqual({ counted: 2, repeated: 1, givenUp: 0 });
    expect(liveCounters(store.table, START)).toBe(1);
  });

  it('goes on after a restart from where it was saved', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'evenkeel-caps-'));
    const path = join(directory, 'learned', 'counts');
    const start = (buckets = 64) => {
      const store = createCapStore({ buckets });
      store.setLineItem(item);
      return { store, checkpoint: openCheckpoint(path, [{ name: 'caps', memory: store.table }]) };
    };
    try {
      const first = start();
      for (let bid = 0; bid < 2; bid++) first.store.observe(impression, token(bid));
      first.checkpoint.advance(0, 2);
      first.checkpoint.advance(3, 70);
      await first.checkpoint.save();
      first.store.observe(impression, token(2));
      const { store, checkpoint } = start();
      expect(checkpoint.fault).toBe('');
      expect([0, 3, 1].map((partition) => checkpoint.position(partition))).toEqual([2, 70, undefined]);
      // The log repeats what came after the save.
      store.observe(impression, token(2));
      const caps = compileCaps(item);
      const capped = (at: number) =>
        caps !== null &&
        isLineCapped(store.table, caps, Uint32Array.of(1, 2), null, item, { line: 0, campaign: 0 }, at);
      expect(capped(START)).toBe(true);
      expect(capped(START + 86_400)).toBe(false);
      expect(start(128).checkpoint.fault).toBe('made with other sizes');
      writeFileSync(path, readFileSync(path).subarray(0, 500));
      expect(start().checkpoint.fault).toBe('cut short or damaged');
      writeFileSync(path, 'something else');
      expect(start().checkpoint.fault).toBe('not a checkpoint');
      expect(start().checkpoint.position(0)).toBeUndefined();
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('recent ids', () => {
  it('knows at least the last ids it was given, and forgets in bounded memory', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer(), fc.integer()), { minLength: 1, maxLength: 200 }), (ids) => {
        const recent = createRecentIds(16);
        const seen: string[] = [];
        for (const [a, b] of ids) {
          // 0, 0 and 0, 1 are the same id; random ids never meet it.
          const name = `${a}/${a === 0 && b === 0 ? 1 : b}`;
          const isNew = recent.add(a, b);
          if (seen.slice(-16).includes(name)) expect(isNew).toBe(false);
          if (!seen.includes(name)) expect(isNew).toBe(true);
          if (isNew) seen.push(name);
        }
      }),
    );
  });
});
