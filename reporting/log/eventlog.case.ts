import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { EventLog, LogBatch, LogConsumer, LogRecord } from '../../core/eventlog.ts';
import type { TopicName } from '../../core/topics.ts';

/** What an adapter brings to the contract: a fresh, empty log, reopened at will. */
export interface LogHarness {
  /** A log on the same data each time until `reset`. */
  open(): Promise<EventLog>;
  /** Forgets all data; logs opened before are closed already. */
  reset(): Promise<void>;
  /** How long a delivery may take, milliseconds. */
  readonly patienceMs: number;
}

/** The contract of the `EventLog` port: every adapter must pass it. */
export function eventLogContract(name: string, harness: LogHarness): void {
  describe(`${name} keeps the contract of an event log`, () => {
    const opened: EventLog[] = [];
    const open = async (): Promise<EventLog> => {
      const log = await harness.open();
      opened.push(log);
      return log;
    };
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((log) => log.close()));
      await harness.reset();
    });

    it('delivers every record once, in order per partition, with growing offsets', async () => {
      const log = await open();
      const sent = numbered(500);
      for (let i = 0; i < sent.length; i += 50) await log.append('events', sent.slice(i, i + 50));
      const got = await readAll(log, 'events', 500, harness.patienceMs);
      expect(got.map((record) => text(record)).sort()).toEqual(sent.map((record) => String(record.value)).sort());
      for (const records of got.byPartition.values()) {
        const offsets = records.map((record) => record.offset);
        expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
        expect(new Set(offsets).size).toBe(offsets.length);
        const numbers = records.map((record) => Number(text(record)));
        expect(numbers, 'order of appending').toEqual([...numbers].sort((a, b) => a - b));
      }
    });

    it('keeps a key in one partition and any bytes intact', async () => {
      const log = await open();
      const values = fc.sample(fc.uint8Array({ maxLength: 3000 }), 40).map((bytes) => Buffer.from(bytes));
      values.push(Buffer.alloc(300_000, 7), Buffer.alloc(0));
      await Promise.all(values.map((value, i) => log.append('events', [{ key: `key-${i % 7}é`, value }])));
      const got = await readAll(log, 'events', values.length, harness.patienceMs);
      const hex = (list: readonly (Buffer | null)[]): string[] => list.map((value) => value!.toString('hex')).sort();
      expect(hex(got.map((record) => record.value))).toEqual(hex(values));
      const homes = new Map<string, Set<number>>();
      for (const [partition, records] of got.byPartition) {
        for (const { key } of records) homes.set(key, (homes.get(key) ?? new Set()).add(partition));
      }
      expect(homes.size).toBe(7);
      for (const partitions of homes.values()) expect(partitions.size).toBe(1);
    });

    it('still has everything after it was closed and opened again', async () => {
      const first = await open();
      await first.append('events', numbered(20));
      await first.close();
      const again = await open();
      const got = await readAll(again, 'events', 20, harness.patienceMs);
      expect(got.length).toBe(20);
    });

    it('resumes a group from what it committed and gives its metadata back', async () => {
      const log = await open();
      await log.append('campaigns', numbered(10));
      const first = await follow(log, 'campaigns', 'readers');
      await first.count(10, harness.patienceMs);
      const fifth = first.records[4]!.offset;
      await first.consumer.commit(0, { offset: fifth, metadata: 'pending 4-9' });
      await first.consumer.stop();
      const second = await follow(log, 'campaigns', 'readers');
      await second.count(6, harness.patienceMs);
      expect(second.records[0]?.offset).toBe(fifth);
      expect(second.committed).toEqual([{ offset: fifth, metadata: 'pending 4-9' }]);
      await second.consumer.stop();
      const other = await follow(log, 'campaigns', 'others');
      await other.count(10, harness.patienceMs);
      expect(other.committed).toEqual([null]);
    });

    it('starts where the consumer says when it keeps its position elsewhere', async () => {
      const log = await open();
      await log.append('campaigns', numbered(10));
      const got = await follow(log, 'campaigns', 'elsewhere', async () => 7);
      await got.count(3, harness.patienceMs);
      expect(got.records.map((record) => record.offset)).toEqual([7, 8, 9]);
    });

    it('lets a reader without a group follow from the end', async () => {
      const log = await open();
      await log.append('campaigns', numbered(5));
      const [bounds] = await log.bounds('campaigns');
      expect(bounds).toEqual({ partition: 0, first: 0, end: 5 });
      const got = await follow(log, 'campaigns', null, async () => 5);
      await log.append('campaigns', [{ key: 'later', value: Buffer.from('x') }]);
      await got.count(1, harness.patienceMs);
      expect(got.records.map((record) => record.key)).toEqual(['later']);
      expect(got.ends.at(-1)).toBe(6);
    });

    it('keeps the last value of each key of a compacted topic, and delivers deletions', async () => {
      const log = await open();
      for (let round = 0; round < 3; round++) {
        await log.append('pacing', [
          { key: 'a', value: Buffer.from(`a${round}`) },
          { key: 'b', value: Buffer.from(`b${round}`) },
        ]);
      }
      await log.append('pacing', [{ key: 'a', value: null }]);
      const got = await follow(log, 'pacing', null);
      await got.until((records) => records.at(-1)?.key === 'a' && records.at(-1)?.value === null, harness.patienceMs);
      const last = new Map(got.records.map((record) => [record.key, record.value]));
      expect(last.get('a')).toBeNull();
      expect(last.get('b')?.toString()).toBe('b2');
    });

    it('never gives a consumer more records at once than it asked for, nor two batches of a partition at a time', async () => {
      const log = await open();
      await log.append('campaigns', numbered(100));
      let inHand = 0;
      let most = 0;
      const sizes: number[] = [];
      const consumer = await log.consume({
        topic: 'campaigns',
        group: null,
        maxBatchRecords: 7,
        onBatch: async (batch) => {
          inHand += 1;
          most = Math.max(most, inHand);
          await new Promise((resolve) => setTimeout(resolve, 1));
          sizes.push(batch.records.length);
          inHand -= 1;
        },
        onError: () => {},
      });
      await eventually(() => sizes.reduce((sum, size) => sum + size, 0) >= 100, harness.patienceMs);
      await consumer.stop();
      expect(most).toBe(1);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(7);
    });

    it('waits for the batch in hand when it stops, and delivers nothing after', async () => {
      const log = await open();
      await log.append('campaigns', numbered(3));
      let started = false;
      let done = 0;
      const consumer = await log.consume({
        topic: 'campaigns',
        group: 'stopping',
        maxBatchRecords: 1,
        onBatch: async () => {
          started = true;
          await new Promise((resolve) => setTimeout(resolve, 50));
          done += 1;
        },
        onError: () => {},
      });
      await eventually(() => started, harness.patienceMs);
      await consumer.stop();
      const after = done;
      expect(after).toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(done).toBe(after);
    });

    it('stops and says so when the consumer fails', async () => {
      const log = await open();
      await log.append('campaigns', numbered(3));
      const errors: unknown[] = [];
      let batches = 0;
      await log.consume({
        topic: 'campaigns',
        group: null,
        maxBatchRecords: 1,
        onBatch: async () => {
          batches += 1;
          throw new Error('cannot');
        },
        onError: (error) => errors.push(error),
      });
      await eventually(() => errors.length > 0, harness.patienceMs);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(batches).toBe(1);
      expect(String(errors[0])).toContain('cannot');
    });

    it('refuses what it cannot keep: a value over the limit, anything after close', async () => {
      const log = await open();
      await expect(log.append('events', [{ key: 'k', value: Buffer.alloc(1024 * 1024 + 1) }])).rejects.toMatchObject({
        code: 'record_too_large',
      });
      await log.append('events', []);
      await log.close();
      await expect(log.append('events', numbered(1))).rejects.toMatchObject({ code: 'log_closed' });
    });
  });
}

export function numbered(count: number): { key: string; value: Buffer }[] {
  return Array.from({ length: count }, (_, i) => ({ key: `key-${i}`, value: Buffer.from(String(i)) }));
}

function text(record: LogRecord): string {
  return record.value?.toString() ?? 'null';
}

type Gathered = LogRecord[] & { byPartition: Map<number, LogRecord[]> };

/** Reads a topic from its start until `count` records came. */
export async function readAll(log: EventLog, topic: TopicName, count: number, patienceMs: number): Promise<Gathered> {
  const got: Gathered = Object.assign([] as LogRecord[], { byPartition: new Map<number, LogRecord[]>() });
  const consumer = await log.consume({
    topic,
    group: null,
    maxBatchRecords: 64,
    onBatch: async ({ partition, records }: LogBatch) => {
      got.push(...records);
      const list = got.byPartition.get(partition) ?? [];
      list.push(...records);
      got.byPartition.set(partition, list);
    },
    onError: (error) => {
      throw error;
    },
  });
  await eventually(() => got.length >= count, patienceMs);
  await new Promise((resolve) => setTimeout(resolve, 60));
  await consumer.stop();
  expect(got.length).toBe(count);
  return got;
}

interface Following {
  readonly consumer: LogConsumer;
  readonly records: LogRecord[];
  readonly ends: number[];
  readonly committed: unknown[];
  count(records: number, patienceMs: number): Promise<void>;
  until(seen: (records: readonly LogRecord[]) => boolean, patienceMs: number): Promise<void>;
}

async function follow(
  log: EventLog,
  topic: TopicName,
  group: string | null,
  from?: () => Promise<number>,
): Promise<Following> {
  const records: LogRecord[] = [];
  const ends: number[] = [];
  const committed: unknown[] = [];
  const consumer = await log.consume({
    topic,
    group,
    maxBatchRecords: 100,
    start: async (_partition, position) => {
      committed.push(position);
      return from === undefined ? (position?.offset ?? 0) : from();
    },
    onBatch: async (batch) => {
      records.push(...batch.records);
      ends.push(batch.end);
    },
    onError: () => {},
  });
  const until: Following['until'] = (seen, patienceMs) => eventually(() => seen(records), patienceMs);
  return {
    consumer,
    records,
    ends,
    committed,
    until,
    async count(wanted, patienceMs) {
      await until((list) => list.length >= wanted, patienceMs);
      expect(records.length).toBe(wanted);
    },
  };
}

/** Polls until true. @throws when it did not become true in time */
export async function eventually(condition: () => boolean, patienceMs: number): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    if (waited > patienceMs) throw new Error(`not true within ${patienceMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
