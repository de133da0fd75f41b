import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Clock } from '../../core/clock.ts';
import { CodedError, codeOf, messageOf } from '../../core/errors.ts';
import type { EventLog, LogConsumer, LogRecord } from '../../core/eventlog.ts';
import type { TokenKey } from '../../core/token.ts';
import type { BidStatsRow, EventRow } from '../store/rows.ts';
import type { Block, Store, StoreTable } from '../store/store.ts';
import { decideBidStats, type Sequences } from './bidstats.ts';
import { type Claims, createClaims, type Horizons } from './claims.ts';
import { type DecideConfig, decideEvent, type TrafficScorer } from './decide.ts';
import { createIngestMetrics, type IngestMetrics } from './metrics.ts';
import { createBlockWriter, type Range } from './writer.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface IngestConfig {
  readonly tokenKeys: readonly TokenKey[];
  /** Events later than this after their bid are `expired`, milliseconds. Default 24 hours. */
  readonly tokenLifetimeMs?: number;
  /** The same for conversions of clicks. Default 30 days. */
  readonly conversionLifetimeMs?: number;
  /** How long event ids are remembered, milliseconds. Default 24 hours. */
  readonly horizonMs?: number;
  /** How long order ids are remembered, milliseconds. Default 31 days. */
  readonly conversionHorizonMs?: number;
  /** How long a record waits for company in its block, milliseconds. Default 200. */
  readonly flushMs?: number;
  /** Rows of one block at most (a batch may go over it). Default 20,000. */
  readonly maxBlockRows?: number;
  /** Records taken from the log at once: the event loop is blocked while they are decided. Default 500. */
  readonly maxBatchRecords?: number;
}

export interface IngestDeps {
  readonly log: EventLog;
  readonly store: Store;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly logger: Logger;
  readonly scorer?: TrafficScorer;
  /** Ingest stopped and will not continue by itself: the process should exit and be started again. */
  readonly onFatal: (error: unknown) => void;
}

export interface Ingest {
  /** Records appended and not yet in the store, as far as is known. */
  lag(): number;
  /** Writes what was read, then stops. What was not written is read again at the next start. */
  stop(): Promise<void>;
}

/**
 * Reads `events` and `bidstats` into the store, every record exactly once: the position is in the data, and after any
 * crash reading resumes from there.
 * @throws CodedError `log_behind_store` when the log does not belong to the data in the store
 */
export async function startIngest(config: IngestConfig, deps: IngestDeps): Promise<Ingest> {
  const metrics = createIngestMetrics(deps.registry);
  const topics = [await startEvents(config, deps, metrics), await startBidStats(config, deps, metrics)];
  return {
    lag: () => topics.reduce((sum, topic) => sum + topic.lag(), 0),
    async stop() {
      await Promise.all(topics.map((topic) => topic.stop()));
    },
  };
}

async function startEvents(config: IngestConfig, deps: IngestDeps, metrics: IngestMetrics): Promise<Ingest> {
  const horizons: Horizons = {
    eventsMs: config.horizonMs ?? DAY_MS,
    conversionsMs: config.conversionHorizonMs ?? 31 * DAY_MS,
  };
  const decide: DecideConfig = {
    tokenKeys: config.tokenKeys,
    tokenLifetimeMs: config.tokenLifetimeMs ?? DAY_MS,
    conversionLifetimeMs: config.conversionLifetimeMs ?? 30 * DAY_MS,
    horizonMs: horizons.eventsMs,
    scorer: deps.scorer ?? null,
  };
  const states = new Map<number, Claims>();
  return startTopic<EventRow>(config, deps, metrics, {
    topic: 'events',
    table: 'events',
    insert: (block) => deps.store.insertEvents(block),
    async assigned(partition) {
      states.set(partition, await rebuildClaims(deps.store, partition, horizons));
    },
    revoked: (partition) => void states.delete(partition),
    decide(record, partition) {
      const row = decideEvent(states.get(partition)!, record, partition, decide);
      metrics.rows.inc({ topic: 'events', status: row.status, reason: row.reason });
      return [row];
    },
    written() {
      let [size, bytes] = [0, 0];
      for (const claims of states.values()) {
        size += claims.size;
        bytes += claims.bytes;
      }
      metrics.claims.set(size);
      metrics.claimBytes.set(bytes);
    },
  });
}

/** What earlier events hold, from the store: it has everything that was decided before the position we resume from. */
export async function rebuildClaims(store: Store, partition: number, horizons: Horizons): Promise<Claims> {
  const claims = createClaims(horizons);
  const newestMs = await store.newestMs('events', partition);
  if (newestMs === null) return claims;
  claims.advance(newestMs);
  const add = (kind: 'conversions' | 'others', sinceMs: number): Promise<void> =>
    store.claims(partition, kind, sinceMs, (chunk) => {
      for (const { eventId, timeMs, appendedMs } of chunk) {
        if (kind === 'conversions') claims.takeConversion(eventId, appendedMs);
        else claims.take(eventId, timeMs);
      }
    });
  // Sets are kept by whole hours and days: one more of each than the horizon.
  await add('others', newestMs - horizons.eventsMs - HOUR_MS);
  await add('conversions', newestMs - horizons.conversionsMs - DAY_MS);
  return claims;
}

async function startBidStats(config: IngestConfig, deps: IngestDeps, metrics: IngestMetrics): Promise<Ingest> {
  let sequences: Sequences = new Map();
  return startTopic<BidStatsRow>(config, deps, metrics, {
    topic: 'bidstats',
    table: 'bid_stats',
    insert: (block) => deps.store.insertBidStats(block),
    async assigned(partition) {
      const newestMs = (await deps.store.newestMs('bid_stats', partition)) ?? 0;
      sequences = new Map(await deps.store.bidStatsSequences(newestMs - DAY_MS));
    },
    revoked: () => {},
    decide(record, partition) {
      const rows = decideBidStats(sequences, record, partition);
      metrics.rows.inc({ topic: 'bidstats', status: rows[0]!.status, reason: '' });
      return rows;
    },
    written: () => {},
  });
}

interface TopicPlan<Row> {
  readonly topic: 'events' | 'bidstats';
  readonly table: StoreTable;
  readonly insert: (block: Block<Row>) => Promise<void>;
  readonly assigned: (partition: number) => Promise<void>;
  readonly revoked: (partition: number) => void;
  readonly decide: (record: LogRecord, partition: number) => Row[];
  readonly written: () => void;
}

/** One topic into one table. */
async function startTopic<Row extends { readonly appendedMs: number }>(
  config: IngestConfig,
  deps: IngestDeps,
  metrics: IngestMetrics,
  plan: TopicPlan<Row>,
): Promise<Ingest> {
  const { topic } = plan;
  const { log, store, clock, logger } = deps;
  const lags = new Map<number, number>();
  const commits = createCommits(clock, logger);
  const writer = createBlockWriter<Row>({
    topic,
    flushMs: config.flushMs ?? 200,
    maxBlockRows: config.maxBlockRows ?? 20_000,
    clock,
    insert: plan.insert,
    async isThere(ranges) {
      const positions = await store.positions(plan.table);
      return ranges.every(({ partition, hi }) => (positions.get(partition) ?? 0) > hi);
    },
    onWritten(ranges, rows) {
      const oldestMs = rows.reduce((least, row) => Math.min(least, row.appendedMs), Number.POSITIVE_INFINITY);
      metrics.freshness.observe({ topic }, Math.max(0, clock.nowMs() - oldestMs) / 1000);
      metrics.blockRows.observe({ topic }, rows.length);
      plan.written();
      commits.note(ranges);
    },
    onFailure(error, attempt) {
      metrics.failures.inc({ topic, code: codeOf(error) });
      logger.warn({ topic, attempt, code: codeOf(error), error: messageOf(error) }, 'insert failed, repeating it');
    },
  });

  const consumer = await log.consume({
    topic,
    group: `ingest-${topic}`,
    maxBatchRecords: config.maxBatchRecords ?? 500,
    async start(partition) {
      const next = await resumeFrom(deps, metrics, plan, partition);
      await plan.assigned(partition);
      return next;
    },
    async onBatch(batch) {
      const first = batch.records[0]!.offset;
      const last = batch.records.at(-1)!.offset;
      const rows: Row[] = [];
      for (const record of batch.records) rows.push(...plan.decide(record, batch.partition));
      const lag = batch.end - last - 1;
      lags.set(batch.partition, lag);
      metrics.lag.set({ topic, partition: batch.partition }, lag);
      await writer.add({ partition: batch.partition, lo: first, hi: last }, rows);
      // Catching up must not keep the process from its other work.
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
    onRevoked(partition) {
      lags.delete(partition);
      plan.revoked(partition);
    },
    onError: deps.onFatal,
  });
  commits.attach(consumer);

  return {
    lag: () => writer.waitingRows + [...lags.values()].reduce((sum, lag) => sum + lag, 0),
    async stop() {
      await consumerStop(consumer, writer);
      await commits.flush();
    },
  };
}

async function consumerStop(consumer: LogConsumer, writer: { stop(): Promise<void> }): Promise<void> {
  // Together: a batch in hand may be waiting for room, and the writer's stop lets it in.
  await Promise.all([consumer.stop(), writer.stop()]);
  await writer.stop();
}

async function resumeFrom<Row>(
  { log, store, logger }: IngestDeps,
  metrics: IngestMetrics,
  plan: TopicPlan<Row>,
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

/** Tells the log what is in the store, about once a second: it may then drop it. The store's position is what counts. */
function createCommits(clock: Clock, logger: Logger) {
  const EVERY_MS = 1000;
  const open = new Map<number, number>();
  let consumer: LogConsumer | null = null;
  let lastMs = Number.NEGATIVE_INFINITY;
  async function flush(): Promise<void> {
    lastMs = clock.monotonicMs();
    const due = [...open];
    open.clear();
    for (const [partition, offset] of due) {
      try {
        await consumer?.commit(partition, { offset, metadata: '' });
      } catch (error) {
        logger.warn({ partition, code: codeOf(error) }, 'position not committed');
      }
    }
  }
  return {
    attach(to: LogConsumer) {
      consumer = to;
    },
    note(ranges: readonly Range[]) {
      for (const { partition, hi } of ranges) open.set(partition, hi + 1);
      if (clock.monotonicMs() - lastMs >= EVERY_MS) void flush();
    },
    flush,
  };
}
