import type { Logger } from 'pino';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import type { EventLog, LogBatch } from '../../core/eventlog.ts';
import { type BidStats, bidStatsSchema } from '../../core/topics.ts';

/** How one bidder did over the last minute. Latencies: the worst second's, microseconds. */
export interface NodeSummary {
  readonly node: string;
  readonly lastMs: number;
  readonly requestsPerSecond: number;
  readonly bidsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly p50Us: number | null;
  readonly p99Us: number | null;
  readonly p999Us: number | null;
}

export interface BidWatch {
  summary(): { readonly nodes: readonly NodeSummary[]; readonly noBids: Readonly<Record<string, number>> };
  stop(): Promise<void>;
}

type Slice = Pick<BidStats, 'fromMs' | 'toMs' | 'requests' | 'answered' | 'errors' | 'latency' | 'noBids'>;

const KEEP_MS = 60_000;
const MAX_NODES = 500;
const MAX_SLICES = 120;
/** Messages from before the start that are read, per partition: some hours of traffic of a few bidders. */
const MAX_EARLIER = 20_000;

/**
 * Follows the bidders' counters and keeps the last minute of each.
 * @param onStats told of every message, the latest from before the start included
 */
export async function watchBids(
  log: EventLog,
  clock: Clock,
  logger: Logger,
  onStats: (stats: BidStats) => void = () => undefined,
): Promise<BidWatch> {
  const nodes = new Map<string, Slice[]>();
  const starts = new Map(
    (await log.bounds('bidstats')).map(({ partition, first, end }) => [partition, Math.max(first, end - MAX_EARLIER)]),
  );
  const take = (stats: BidStats): void => {
    const slices = nodes.get(stats.node) ?? [];
    if (slices.length === 0 && nodes.size >= MAX_NODES) return;
    const { fromMs, toMs, requests, answered, errors, latency, noBids } = stats;
    slices.push({ fromMs, toMs, requests, answered, errors, latency, noBids });
    if (slices.length > MAX_SLICES) slices.shift();
    nodes.set(stats.node, slices);
  };
  const forget = (): void => {
    const oldest = clock.nowMs() - KEEP_MS;
    for (const [node, slices] of nodes) {
      const kept = slices.filter((slice) => slice.toMs > oldest);
      if (kept.length === 0) nodes.delete(node);
      else nodes.set(node, kept);
    }
  };
  const consumer = await log.consume({
    topic: 'bidstats',
    group: null,
    maxBatchRecords: 500,
    start: async (partition) => starts.get(partition) ?? 0,
    onBatch: async (batch: LogBatch) => {
      for (const record of batch.records) {
        const stats = record.value === null ? null : read(record.value);
        if (stats === null) continue;
        take(stats);
        onStats(stats);
      }
      forget();
    },
    onError: (error) => logger.warn({ error: messageOf(error) }, 'stopped following the bidstats topic'),
  });
  return {
    summary() {
      forget();
      const noBids: Record<string, number> = {};
      for (const slice of [...nodes.values()].flat()) {
        for (const [reason, count] of Object.entries(slice.noBids)) noBids[reason] = (noBids[reason] ?? 0) + count;
      }
      return { nodes: [...nodes].map(([node, slices]) => summarise(node, slices)), noBids };
    },
    stop: () => consumer.stop(),
  };
}

function read(value: Buffer): BidStats | null {
  try {
    return bidStatsSchema.parse(JSON.parse(value.toString('utf8')));
  } catch {
    return null;
  }
}

function summarise(node: string, slices: readonly Slice[]): NodeSummary {
  const seconds = slices.reduce((sum, slice) => sum + slice.toMs - slice.fromMs, 0) / 1000 || 1;
  const total = (field: 'requests' | 'answered' | 'errors'): number =>
    slices.reduce((sum, slice) => sum + slice[field], 0) / seconds;
  const worst = (field: 'p50Us' | 'p99Us' | 'p999Us'): number | null => {
    const measured = slices.flatMap((slice) => (slice.latency === null ? [] : [slice.latency[field]]));
    return measured.length === 0 ? null : Math.max(...measured);
  };
  return {
    node,
    lastMs: Math.max(...slices.map((slice) => slice.toMs)),
    requestsPerSecond: total('requests'),
    bidsPerSecond: total('answered'),
    errorsPerSecond: total('errors'),
    p50Us: worst('p50Us'),
    p99Us: worst('p99Us'),
    p999Us: worst('p999Us'),
  };
}
