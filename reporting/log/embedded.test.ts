import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manualClock, systemClock } from '../../core/clock.ts';
import { codeOf } from '../../core/errors.ts';
import { decodeChunk, encodeChunk } from './chunk.ts';
import { createEmbeddedLog, type EmbeddedLog, type EmbeddedLogConfig } from './embedded.ts';
import { eventLogContract, eventually, numbered, readAll } from './eventlog.case.ts';
import { partitionOf } from './partition.ts';

const PATIENCE_MS = 10_000;
let contractDir = '';
eventLogContract('the embedded log', {
  patienceMs: PATIENCE_MS,
  async open() {
    if (contractDir === '') contractDir = mkdtempSync(join(tmpdir(), 'evenkeel-log-'));
    return createEmbeddedLog({ dir: contractDir }, { clock: systemClock });
  },
  async reset() {
    rmSync(contractDir, { recursive: true, force: true });
    contractDir = '';
  },
});

describe('the embedded log', () => {
  let dir = '';
  const opened: EmbeddedLog[] = [];
  const clock = manualClock(1_000_000);
  const open = (config: Partial<EmbeddedLogConfig> = {}): EmbeddedLog => {
    const log = createEmbeddedLog({ dir, ...config }, { clock });
    opened.push(log);
    return log;
  };
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'evenkeel-log-'));
  });
  afterEach(async () => {
    for (const log of opened.splice(0)) await log.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('hands a group over to a new member and tells the old one', async () => {
    const log = open();
    const errors: string[] = [];
    const revoked: number[] = [];
    const old = await log.consume({
      topic: 'events',
      group: 'ingest',
      maxBatchRecords: 10,
      onBatch: async () => {},
      onRevoked: (partition) => revoked.push(partition),
      onError: (error) => errors.push(codeOf(error)),
    });
    const taker = open();
    const consumer = await taker.consume({
      topic: 'events',
      group: 'ingest',
      maxBatchRecords: 10,
      onBatch: async () => {},
      onError: () => {},
    });
    await eventually(() => errors.length > 0, PATIENCE_MS);
    expect(errors).toEqual(['group_taken_over']);
    expect(revoked.sort()).toEqual([0, 1, 2, 3]);
    await expect(old.commit(0, { offset: 1, metadata: '' })).rejects.toMatchObject({ code: 'group_taken_over' });
    await consumer.commit(0, { offset: 2, metadata: '' });
  });

  it('puts other values in the place of some, at the same offsets and times', async () => {
    const log = open({ partitions: 2 });
    await log.append('events', numbered(2500));
    const read = async () =>
      [...(await readAll(log, 'events', 2500, PATIENCE_MS)).byPartition].sort(([a], [b]) => a - b);
    const before = await read();
    const edit = ({ value }: { value: Buffer | null }) =>
      value?.toString().endsWith('7') ? Buffer.from(`erased ${value}`) : null;
    expect(await log.rewrite('events', edit)).toEqual({ looked: 2500, changed: 250 });
    const expected = before.map(([partition, records]) => [
      partition,
      records.map((record) => ({ ...record, value: edit(record) ?? record.value })),
    ]);
    expect(await read()).toEqual(expected);
    expect(await log.rewrite('events', () => null)).toEqual({ looked: 2500, changed: 0 });
  });

  it('shares one transaction among appends that wait together', async () => {
    const log = open();
    await Promise.all(Array.from({ length: 200 }, (_, i) => log.append('events', numbered(3 + (i % 2)))));
    const bounds = await log.bounds('events');
    expect(bounds.reduce((sum, { end }) => sum + end, 0)).toBe(700);
  });

  it('drops what is past retention, but nothing that a group has still to read', async () => {
    const log = open({ partitions: 1, retention: { maxAgeMs: 1000, maxBytes: 1024 ** 3 } });
    const consumer = await log.consume({
      topic: 'events',
      group: 'ingest',
      maxBatchRecords: 1000,
      onBatch: async () => {},
      onError: () => {},
    });
    await log.append('events', numbered(100));
    await consumer.commit(0, { offset: 0, metadata: '' });
    clock.advance(5000);
    const later = async (): Promise<void> => {
      for (let i = 0; i < 70; i++) await log.append('events', [{ key: 'later', value: Buffer.from(String(i)) }]);
    };
    await later();
    expect((await log.bounds('events'))[0]?.first).toBe(0);
    await consumer.commit(0, { offset: 100, metadata: '' });
    await later();
    expect((await log.bounds('events'))[0]).toMatchObject({ first: 100 });
    await readAll(log, 'events', 140, PATIENCE_MS);
  });

  it('refuses events when those still to be read fill it, and takes them again when there is room', async () => {
    const log = open({ partitions: 1, retention: { maxBytes: 20_000 } });
    const consumer = await log.consume({
      topic: 'events',
      group: 'ingest',
      maxBatchRecords: 1000,
      onBatch: async () => {},
      onError: () => {},
    });
    await consumer.commit(0, { offset: 0, metadata: '' });
    const kilobyte = [{ key: 'k', value: Buffer.alloc(1000) }];
    let kept = 0;
    await expect(
      (async () => {
        for (; kept < 1000; kept++) await log.append('events', kilobyte);
      })(),
    ).rejects.toMatchObject({ code: 'log_full' });
    expect(log.fill()).toBeGreaterThanOrEqual(1);
    expect((await log.bounds('events'))[0]).toMatchObject({ first: 0, end: kept });
    await log.append('bidstats', kilobyte);
    await consumer.commit(0, { offset: kept, metadata: '' });
    expect(log.fill()).toBeLessThan(1);
    await log.append('events', kilobyte);
  });

  it('forgets old values of a compacted topic at once and deletions after their time', async () => {
    const log = open({ retention: { maxAgeMs: 1000 } });
    for (let i = 0; i < 50; i++) await log.append('pacing', [{ key: 'a', value: Buffer.from(String(i)) }]);
    await log.append('pacing', [{ key: 'b', value: null }]);
    await readAll(log, 'pacing', 2, PATIENCE_MS);
    clock.advance(2000);
    for (let i = 0; i < 70; i++) await log.append('campaigns', numbered(1));
    await readAll(log, 'pacing', 1, PATIENCE_MS);
  });

  it('bounds what waits for the disk', async () => {
    const log = open({ maxPendingBytes: 10_000 });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => log.append('events', [{ key: 'k', value: Buffer.alloc(1000) }])),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused.length).toBe(11);
    expect(codeOf((refused[0] as PromiseRejectedResult).reason)).toBe('log_overloaded');
    const kept = (await log.bounds('events')).reduce((sum, { end }) => sum + end, 0);
    expect(kept).toBe(9);
  });
});

describe('a chunk', () => {
  it('gives back what was put in, from any offset, at any limit', () => {
    const record = fc.record({
      key: fc.string({ unit: 'binary', maxLength: 40 }),
      value: fc.option(fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes))),
    });
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 20 }),
        fc.nat(30),
        fc.nat(30),
        fc.nat(1e9),
        (records, skip, limit, first) => {
          const chunk = encodeChunk(records, 1234.5);
          const got = decodeChunk(chunk, first, first + skip, limit);
          const want = records
            .map((each, i) => ({ offset: first + i, ...each, appendedMs: 1234.5 }))
            .slice(skip, skip + limit);
          expect(got).toEqual(want);
        },
      ),
    );
  });
});

describe('partitionOf', () => {
  it('spreads keys that differ only at the end', () => {
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 40_000; i++) counts[partitionOf(`0a1b2c3d00000000${i.toString(16).padStart(8, '0')}`, 4)]! += 1;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });
});
