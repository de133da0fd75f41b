import { createCatchUp } from '../../core/catchup.ts';
import type { Clock } from '../../core/clock.ts';
import type { EventLog, LogConsumer, LogRecord } from '../../core/eventlog.ts';
import type { TopicName } from '../../core/topics.ts';

/** A topic followed from some point on, by a process that keeps no position. */
export interface Follower {
  /** Whether everything that was there at the start has been read. */
  caughtUp(): boolean;
  /** Everything appended before this time has been read; milliseconds since the epoch. */
  readToMs(): number;
  stop(): Promise<void>;
}

export interface FollowOptions {
  readonly log: EventLog;
  readonly topic: TopicName;
  /** `start`: everything that is there; `end`: only what comes from now on. */
  readonly from: 'start' | 'end';
  /** With `end`: where to go on in a partition that was followed before; undefined begins at its end. */
  readonly startAt?: (partition: number) => number | undefined;
  readonly clock: Clock;
  /** The next records come when it is done with these. */
  readonly onRecords: (records: readonly LogRecord[], partition: number) => void | Promise<void>;
  readonly onCaughtUp?: () => void;
  readonly onError: (error: unknown) => void;
}

const MAX_BATCH_RECORDS = 2_000;
const PROBE_EVERY_MS = 1_000;

/** Follows all partitions of a topic. */
export async function follow(options: FollowOptions): Promise<Follower> {
  const { log, topic } = options;
  const bounds = await log.bounds(topic);
  // A log that was begun anew may end before the position that is remembered.
  const startOf = (partition: number, end: number) => Math.min(options.startAt?.(partition) ?? end, end);
  const starts = new Map(bounds.map(({ partition, end }) => [partition, startOf(partition, end)]));
  const isBehind = ({ partition, first, end }: (typeof bounds)[number]) =>
    first < end && (options.from === 'start' || (starts.get(partition) ?? end) < end);
  const catchUp = createCatchUp(bounds.filter(isBehind));
  const positions = new Map(options.from === 'end' ? starts : []);
  /** Up to when each partition has been read, milliseconds since the epoch. */
  const readTo = new Map(bounds.map(({ partition }) => [partition, 0]));

  function advance(partition: number, toMs: number): void {
    readTo.set(partition, Math.max(readTo.get(partition) ?? 0, toMs));
  }

  const consumer: LogConsumer = await log.consume({
    topic,
    group: null,
    maxBatchRecords: MAX_BATCH_RECORDS,
    ...(options.from === 'end' ? { start: async (partition: number) => starts.get(partition) ?? 0 } : {}),
    onBatch: async ({ partition, records }) => {
      await options.onRecords(records, partition);
      const next = (records.at(-1)?.offset ?? -1) + 1;
      positions.set(partition, next);
      // Records of the same millisecond may still follow.
      advance(partition, (records.at(-1)?.appendedMs ?? 0) - 1);
      catchUp.read(partition, next);
    },
    onError: options.onError,
  });
  void catchUp.wait().then(options.onCaughtUp);

  /** An idle partition brings no records: its bounds say that there are none to wait for. */
  async function probe(): Promise<void> {
    const askedMs = options.clock.nowMs();
    for (const { partition, first, end } of await log.bounds(topic)) {
      if (end === first || (positions.get(partition) ?? 0) >= end) advance(partition, askedMs);
    }
  }
  // A log that can not be asked now is one that was not read further; reservations wait for it.
  const prober = setInterval(() => probe().catch(() => {}), PROBE_EVERY_MS);
  await probe();

  return {
    readToMs: () => Math.min(...readTo.values()),
    caughtUp: catchUp.isDone,
    async stop() {
      catchUp.stop();
      clearInterval(prober);
      await consumer.stop();
    },
  };
}
