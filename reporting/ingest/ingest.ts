import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Clock } from '../../core/clock.ts';
import type { EventLog } from '../../core/eventlog.ts';
import type { TokenKey } from '../../core/token.ts';
import type { BidStatsRow, EventRow } from '../store/rows.ts';
import type { Store } from '../store/store.ts';
import { defaultWindows, type Touches, touchesFor, type WindowsOf } from './attribution.ts';
import { decideBidStats, type Sequences } from './bidstats.ts';
import { type Claims, createClaims, type Horizons } from './claims.ts';
import { type DecideConfig, decideEvent, type TrafficScorer } from './decide.ts';
import { createIngestMetrics, type IngestMetrics } from './metrics.ts';
import { startTopic } from './topic.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface IngestConfig {
  readonly tokenKeys: readonly TokenKey[];
  /** Events later than this after their bid are `expired`, milliseconds. Default 24 hours. */
  readonly tokenLifetimeMs?: number;
  /** The same for conversions of clicks. Default 90 days, the longest window a line item may have. */
  readonly conversionLifetimeMs?: number;
  /** How long after a click or view a conversion belongs to it, per line item. Default 30 days and 1 day. */
  readonly windowsOf?: WindowsOf;
  /** How long event ids are remembered, milliseconds. Default 24 hours. */
  readonly horizonMs?: number;
  /** How long order ids are remembered, milliseconds. Default 31 days. */
  readonly conversionHorizonMs?: number;
  /**
   * Partitions are shared with other processes and may change hands (Kafka): every block is announced before it is
   * inserted, and has one partition. Default false: this process ingests everything, and partitions share blocks.
   */
  readonly sharedPartitions?: boolean;
  /** How long a record waits for company in its block, milliseconds. Default 200; 500 with `sharedPartitions`. */
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

/** The rules of a configuration, with their defaults. A replay uses the same. */
export function rulesOf(
  config: IngestConfig,
  scorer: TrafficScorer | null,
): { readonly rules: DecideConfig; readonly horizons: Horizons } {
  const horizons = {
    eventsMs: config.horizonMs ?? DAY_MS,
    conversionsMs: config.conversionHorizonMs ?? 31 * DAY_MS,
  };
  const rules = {
    tokenKeys: config.tokenKeys,
    tokenLifetimeMs: config.tokenLifetimeMs ?? DAY_MS,
    conversionLifetimeMs: config.conversionLifetimeMs ?? 90 * DAY_MS,
    horizonMs: horizons.eventsMs,
    scorer,
    windowsOf: config.windowsOf ?? (() => defaultWindows),
  };
  return { rules, horizons };
}

function startEvents(config: IngestConfig, deps: IngestDeps, metrics: IngestMetrics): Promise<Ingest> {
  const { rules, horizons } = rulesOf(config, deps.scorer ?? null);
  return startTopic<EventRow, Claims, Touches>(config, deps, metrics, {
    topic: 'events',
    table: 'events',
    insert: (block) => deps.store.insertEvents(block),
    assigned: (partition) => rebuildClaims(deps.store, partition, horizons),
    prepare: (records) => touchesFor(deps.store, records),
    decide(claims, record, partition, touches) {
      const row = decideEvent(claims, record, partition, rules, touches);
      metrics.rows.inc({ topic: 'events', status: row.status, reason: row.reason });
      return [row];
    },
    written(states) {
      let [size, bytes] = [0, 0];
      for (const claims of states) {
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

function startBidStats(config: IngestConfig, deps: IngestDeps, metrics: IngestMetrics): Promise<Ingest> {
  return startTopic<BidStatsRow, Sequences, null>(config, deps, metrics, {
    topic: 'bidstats',
    table: 'bid_stats',
    insert: (block) => deps.store.insertBidStats(block),
    async assigned(partition) {
      const newestMs = (await deps.store.newestMs('bid_stats', partition)) ?? 0;
      return new Map(await deps.store.bidStatsSequences(newestMs - DAY_MS));
    },
    prepare: async () => null,
    decide(sequences, record, partition) {
      const rows = decideBidStats(sequences, record, partition);
      metrics.rows.inc({ topic: 'bidstats', status: rows[0]!.status, reason: '' });
      return rows;
    },
    written: () => {},
  });
}
