import type { ConsumeOptions, EventLog } from '../core/eventlog.ts';
import type { TopicName } from '../core/topics.ts';

interface Kept {
  readonly offset: number;
  readonly key: string;
  readonly value: Buffer | null;
  readonly appendedMs: number;
}

/** A log of one partition in memory, for tests: keeps everything, delivers in order, soon. */
export function memoryLog(): EventLog & { values(topic: TopicName): unknown[] } {
  const topics = new Map<TopicName, Kept[]>();
  const readers = new Set<{ options: ConsumeOptions; next: number; busy: boolean }>();
  const kept = (topic: TopicName): Kept[] => {
    const found = topics.get(topic) ?? [];
    topics.set(topic, found);
    return found;
  };
  async function pump(reader: { options: ConsumeOptions; next: number; busy: boolean }): Promise<void> {
    if (reader.busy) return;
    reader.busy = true;
    const { topic } = reader.options;
    while (readers.has(reader) && kept(topic).length > reader.next) {
      const records = kept(topic).slice(reader.next, reader.next + reader.options.maxBatchRecords);
      reader.next += records.length;
      await reader.options.onBatch({ topic, partition: 0, records, end: kept(topic).length });
    }
    reader.busy = false;
  }
  return {
    async append(topic, records) {
      for (const record of records) kept(topic).push({ ...record, offset: kept(topic).length, appendedMs: 0 });
      for (const reader of readers) if (reader.options.topic === topic) setImmediate(() => void pump(reader));
    },
    async consume(options) {
      const reader = { options, next: (await options.start?.(0, null)) ?? 0, busy: false };
      readers.add(reader);
      setImmediate(() => void pump(reader));
      return {
        commit: async () => undefined,
        stop: async () => {
          readers.delete(reader);
        },
      };
    },
    bounds: async (topic) => [{ partition: 0, first: 0, end: kept(topic).length }],
    close: async () => readers.clear(),
    values: (topic) => kept(topic).map((record) => JSON.parse(record.value?.toString() ?? 'null')),
  };
}
