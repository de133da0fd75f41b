import type { ConsumeOptions, EventLog, LogConsumer, LogRecord, NewRecord } from '../../core/eventlog.ts';
import type { TopicName } from '../../core/topics.ts';

/** A log in memory with one partition per topic: enough for tests of one process. */
export interface MemoryLog extends EventLog {
  records(topic: TopicName): readonly LogRecord[];
  /** Lets the next appends to a topic fail. */
  failAppends(topic: TopicName | null): void;
  /** Tells every reader that it can not go on. */
  breakReaders(): void;
}

export function createMemoryLog(): MemoryLog {
  const topics = new Map<TopicName, LogRecord[]>();
  const consumers = new Set<() => void>();
  const broken = new Set<ConsumeOptions['onError']>();
  let failing: TopicName | null = null;
  const of = (topic: TopicName) => {
    const known = topics.get(topic);
    if (known !== undefined) return known;
    const list: LogRecord[] = [];
    topics.set(topic, list);
    return list;
  };

  async function append(topic: TopicName, records: readonly NewRecord[]): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (failing === topic) throw new Error('append failed on purpose');
    const list = of(topic);
    for (const { key, value } of records) list.push({ offset: list.length, key, value, appendedMs: Date.now() });
    for (const poke of consumers) poke();
  }

  async function consume(options: ConsumeOptions): Promise<LogConsumer> {
    const list = of(options.topic);
    let next = options.start === undefined ? 0 : await options.start(0, null);
    let stopped = false;
    let reading = false;
    let lastRead: Promise<void> = Promise.resolve();
    async function read(): Promise<void> {
      while (!stopped && next < list.length) {
        const records = list.slice(next, next + options.maxBatchRecords);
        next += records.length;
        await options.onBatch({ topic: options.topic, partition: 0, records, end: list.length });
      }
    }
    const poke = () => {
      if (reading) return;
      reading = true;
      lastRead = read()
        .catch(options.onError)
        .finally(() => {
          reading = false;
          if (!stopped && next < list.length) poke();
        });
    };
    consumers.add(poke);
    broken.add(options.onError);
    setImmediate(poke);
    return {
      commit: async () => {},
      async stop() {
        stopped = true;
        consumers.delete(poke);
        await lastRead;
      },
    };
  }

  return {
    append,
    consume,
    bounds: async (topic) => [{ partition: 0, first: 0, end: of(topic).length }],
    close: async () => {},
    records: of,
    breakReaders() {
      for (const onError of broken) onError(new Error('the log is gone'));
    },
    failAppends(topic) {
      failing = topic;
    },
  };
}
