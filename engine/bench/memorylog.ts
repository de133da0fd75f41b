import type { Clock } from '../../core/clock.ts';
import type { ConsumeOptions, EventLog, LogRecord, NewRecord } from '../../core/eventlog.ts';
import { type TopicName, topicNames, topics } from '../../core/topics.ts';

/** Records kept of a topic that is not compacted; a benchmark must not fill the memory. */
const KEPT = 10_000;
const POLL_MS = 20;

interface Topic {
  readonly compacted: boolean;
  records: LogRecord[];
  end: number;
}

/**
 * An event log of one partition in memory, nothing durable: it takes the log's own cost out of what is measured. Old
 * records of topics that are not compacted are forgotten.
 */
export function createMemoryLog(clock: Clock): EventLog {
  const all = Object.fromEntries(
    topicNames.map((name) => [name, { compacted: topics[name].compacted, records: [], end: 0 } satisfies Topic]),
  ) as unknown as Record<TopicName, Topic>;
  const timers = new Set<NodeJS.Timeout>();

  function append(name: TopicName, records: readonly NewRecord[]): void {
    const topic = all[name];
    for (const record of records) topic.records.push({ ...record, offset: topic.end++, appendedMs: clock.nowMs() });
    if (!topic.compacted && topic.records.length > 2 * KEPT) topic.records = topic.records.slice(-KEPT);
  }

  async function consume(options: ConsumeOptions) {
    const topic = all[options.topic];
    let next = options.start === undefined ? 0 : await options.start(0, null);
    let stopped = false;
    let turn = Promise.resolve();
    const read = async (): Promise<void> => {
      while (!stopped) {
        // Offsets have no gaps here.
        const from = Math.max(0, next - (topic.records[0]?.offset ?? topic.end));
        if (next >= topic.end) return;
        const records = topic.records.slice(from, from + options.maxBatchRecords);
        next = records[records.length - 1]!.offset + 1;
        await options.onBatch({ topic: options.topic, partition: 0, records, end: topic.end });
      }
    };
    const timer = setInterval(() => {
      turn = turn.then(read).catch((error) => {
        stopped = true;
        options.onError(error);
      });
    }, POLL_MS);
    timers.add(timer);
    turn = turn.then(read).catch(options.onError);
    return {
      commit: () => Promise.resolve(),
      async stop() {
        stopped = true;
        clearInterval(timer);
        timers.delete(timer);
        await turn;
      },
    };
  }

  return {
    append: async (name, records) => append(name, records),
    consume,
    bounds: async (name) => {
      const topic = all[name];
      return [{ partition: 0, first: topic.records[0]?.offset ?? topic.end, end: topic.end }];
    },
    async close() {
      for (const timer of timers) clearInterval(timer);
    },
  };
}
