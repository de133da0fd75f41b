import { CodedError, codeOf, messageOf } from '../../core/errors.ts';
import type { CommittedPosition, LogConsumer, LogRecord } from '../../core/eventlog.ts';
import { within } from '../../core/within.ts';
import type { Block, StoreTable } from '../store/store.ts';
import type { Ingest, IngestConfig, IngestDeps } from './ingest.ts';
import type { IngestMetrics } from './metrics.ts';
import { createBlockWriter, type Range } from './writer.ts';

/** How the records of one topic become rows of one table. */
export interface TopicPlan<Row, State, Context> {
  readonly topic: 'events' | 'bidstats';
  readonly table: StoreTable;
  readonly insert: (block: Block<Row>) => Promise<void>;
  /** Builds what deciding needs, from the store. */
  readonly assigned: (partition: number) => Promise<State>;
  /** What the store knows about a batch's records that its state does not hold. */
  readonly prepare: (records: readonly LogRecord[]) => Promise<Context>;
  readonly decide: (state: State, record: LogRecord, partition: number, context: Context) => Row[];
  readonly written: (states: Iterable<State>) => void;
}

/** How long the last blocks may take when stopping: the process has 15 s in all. */
const WRITE_MS = 5_000;

type Placed = { readonly partition: number; readonly offset: number; readonly appendedMs: number };

/** Reads one topic into one table, from the position in the data on. */
export async function startTopic<Row extends Placed, State, Context>(
  config: IngestConfig,
  deps: IngestDeps,
  metrics: IngestMetrics,
  plan: TopicPlan<Row, State, Context>,
): Promise<Ingest> {
  const { topic } = plan;
  const { log, store, clock, logger } = deps;
  const separate = config.sharedPartitions ?? false;
  const states = new Map<number, State>();
  const lags = new Map<number, number>();
  const positions = createPositions(deps, separate);

  const writer = createBlockWriter<Row>({
    topic,
    separate,
    flushMs: config.flushMs ?? (separate ? 500 : 200),
    maxBlockRows: config.maxBlockRows ?? 20_000,
    clock,
    announce: (ranges) => positions.announce(ranges),
    insert: plan.insert,
    async isThere(ranges) {
      const there = await store.positions(plan.table);
      return ranges.every(({ partition, hi }) => (there.get(partition) ?? 0) > hi);
    },
    async onWritten(ranges, rows) {
      const oldestMs = rows.reduce((least, row) => Math.min(least, row.appendedMs), Number.POSITIVE_INFINITY);
      metrics.freshness.observe({ topic }, Math.max(0, clock.nowMs() - oldestMs) / 1000);
      metrics.blockRows.observe({ topic }, rows.length);
      plan.written(states.values());
      await positions.written(ranges);
    },
    onFailure(error, attempt) {
      metrics.failures.inc({ topic, code: codeOf(error) });
      logger.warn({ topic, attempt, code: codeOf(error), error: messageOf(error) }, 'insert failed, repeating it');
    },
  });

  const consuming = log.consume({
    topic,
    group: `ingest-${topic}`,
    maxBatchRecords: config.maxBatchRecords ?? 500,
    async start(partition, committed) {
      // A block of an earlier assignment of ours may still be on its way; what it becomes is part of the position.
      await writer.drop(partition);
      const next = await retried(deps, () => resumeFrom(deps, metrics, plan, partition));
      const pending = separate ? pendingOf(committed) : null;
      if (pending !== null && pending.hi >= next) writer.endNextAt(partition, pending.hi);
      states.set(partition, await retried(deps, () => plan.assigned(partition)));
      return next;
    },
    async onBatch({ records, partition, end }) {
      const state = states.get(partition);
      const context = await retried(deps, () => plan.prepare(records));
      await writer.room(partition);
      // The partition may have been taken away while there was no room.
      if (state === undefined || states.get(partition) !== state) return;
      const [lo, hi] = [records[0]!.offset, records.at(-1)!.offset];
      const rows: Row[] = [];
      for (const record of records) rows.push(...plan.decide(state, record, partition, context));
      writer.add({ partition, lo, hi }, rows);
      lags.set(partition, end - hi - 1);
      metrics.lag.set({ topic, partition }, end - hi - 1);
      // Catching up must not keep the process from its other work.
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
    onRevoked(partition) {
      lags.delete(partition);
      states.delete(partition);
      void writer.drop(partition);
    },
    onError: deps.onFatal,
  });
  positions.attach(consuming);
  const consumer = await consuming;

  return {
    lag: () => writer.waitingRows + [...lags.values()].reduce((sum, lag) => sum + lag, 0),
    async stop() {
      // What is waiting is written while the partitions are still ours; what is read meanwhile is read again, and so is
      // what a slow store has not taken by then.
      if (!(await within(WRITE_MS, writer.stop())))
        logger.warn({ code: 'stop.unwritten', topic, rows: writer.waitingRows }, 'the store is slow: rows are left');
      await positions.flush();
      await consumer.stop();
    },
  };
}

async function resumeFrom<Row, State, Context>(
  { log, store, logger }: IngestDeps,
  metrics: IngestMetrics,
  plan: TopicPlan<Row, State, Context>,
  partition: number,
): Promise<number> {
  const bounds = (await log.bounds(plan.topic)).find((each) => each.partition === partition);
  const next = (await store.positions(plan.table)).get(partition) ?? bounds?.first ?? 0;
  if (bounds !== undefined && next > bounds.end) {
    throw new CodedError(
      'log_behind_store',
      `The store has ${plan.topic}/${partition} up to offset ${next}, the log ends at ${bounds.end}: they do not belong together.`,
      'Restore the log, or start with an empty store.',
    );
  }
  if (bounds !== undefined && next < bounds.first) {
    metrics.lost.inc({ topic: plan.topic }, bounds.first - next);
    logger.error({ topic: plan.topic, partition, lost: bounds.first - next }, 'records left the log unread');
  }
  return next;
}

/** Waits for a store or log that is away. Other errors are the caller's. */
async function retried<T>({ logger }: IngestDeps, action: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (!['store_unavailable', 'kafka_unreachable'].includes(codeOf(error)) || attempt >= 60) throw error;
      logger.warn({ code: codeOf(error), error: messageOf(error) }, 'waiting to start a partition');
      await new Promise((resolve) => setTimeout(resolve, Math.min(2000, 100 * attempt)));
    }
  }
}

/** The block that the last owner of a partition announced and may have inserted. */
function pendingOf(committed: CommittedPosition | null): { readonly hi: number } | null {
  const found = /^pending \d+-(\d+)$/.exec(committed?.metadata ?? '');
  return found === null ? null : { hi: Number(found[1]) };
}

/**
 * Tells the log how far the store is. Where partitions change hands, a block is announced in the commit's metadata
 * before it is inserted: the log refuses that from a member that lost the partition, and the next owner starts with the
 * same block under the same token. Elsewhere it only lets the log drop what is done, about once a second.
 */
function createPositions({ clock, logger }: IngestDeps, separate: boolean) {
  const EVERY_MS = 1000;
  const done = new Map<number, number>();
  let consumer: Promise<LogConsumer> | null = null;
  let lastMs = Number.NEGATIVE_INFINITY;

  async function commit(partition: number, offset: number, metadata: string): Promise<boolean> {
    try {
      await (await consumer)?.commit(partition, { offset, metadata });
      return true;
    } catch (error) {
      logger.warn({ partition, code: codeOf(error), error: messageOf(error) }, 'position not committed');
      return false;
    }
  }
  async function flush(): Promise<void> {
    lastMs = clock.monotonicMs();
    const due = [...done];
    done.clear();
    for (const [partition, offset] of due) await commit(partition, offset, '');
  }
  return {
    attach(to: Promise<LogConsumer>) {
      consumer = to;
    },
    flush,
    async announce(ranges: readonly Range[]): Promise<boolean> {
      if (!separate) return true;
      const [range] = ranges;
      return range !== undefined && commit(range.partition, range.lo, `pending ${range.lo}-${range.hi}`);
    },
    async written(ranges: readonly Range[]): Promise<void> {
      if (separate) {
        for (const { partition, hi } of ranges) await commit(partition, hi + 1, '');
        return;
      }
      for (const { partition, hi } of ranges) done.set(partition, hi + 1);
      if (clock.monotonicMs() - lastMs >= EVERY_MS) void flush();
    },
  };
}
