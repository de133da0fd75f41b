import type { LogRecord } from '../../core/eventlog.ts';
import { type BidStats, bidStatsSchema } from '../../core/topics.ts';
import type { BidStatsRow } from '../store/rows.ts';

/** The last sequence of each node that was counted. */
export type Sequences = Map<string, number>;

/**
 * The rows of one `bidstats` record: at least one, so that its position is kept. A record that does not go beyond its
 * node's last sequence was counted before.
 */
export function decideBidStats(sequences: Sequences, record: LogRecord, partition: number): BidStatsRow[] {
  const stats = decode(record.value);
  if (stats === null) {
    return [{ ...empty(record, partition), status: 'quarantined', raw: record.value?.toString('base64') ?? '' }];
  }
  const base = {
    ...empty(record, partition),
    fromMs: stats.fromMs,
    toMs: stats.toMs,
    node: stats.node,
    sequence: stats.sequence,
  };
  const last = sequences.get(stats.node);
  if (last !== undefined && stats.sequence <= last) return [{ ...base, status: 'duplicate' }];
  sequences.set(stats.node, stats.sequence);
  return rowsOf(stats, base);
}

function rowsOf(stats: BidStats, base: BidStatsRow): BidStatsRow[] {
  const { latency } = stats;
  const rows: BidStatsRow[] = [
    {
      ...base,
      kind: 'request',
      requests: stats.requests,
      answered: stats.answered,
      errors: stats.errors,
      p50Us: latency?.p50Us ?? 0,
      p99Us: latency?.p99Us ?? 0,
      p999Us: latency?.p999Us ?? 0,
      maxUs: latency?.maxUs ?? 0,
    },
  ];
  for (const [reason, noBids] of Object.entries(stats.noBids)) {
    if (noBids > 0) rows.push({ ...base, kind: 'no_bid', reason, noBids });
  }
  for (const item of stats.lineItems) {
    const { campaignId, lineItemId, matched, bids, bidNanos } = item;
    const own = { ...base, advertiserId: item.advertiserId ?? 0, campaignId, lineItemId };
    rows.push({ ...own, kind: 'line_item', matched, bids, bidNanos, valueNanos: item.valueNanos ?? bidNanos });
    for (const [reason, noBids] of Object.entries(item.reasons)) {
      if (noBids > 0) rows.push({ ...own, kind: 'reason', reason, noBids });
    }
  }
  return rows;
}

function decode(value: Buffer | null): BidStats | null {
  if (value === null) return null;
  try {
    const parsed = bidStatsSchema.safeParse(JSON.parse(value.toString('utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function empty(record: LogRecord, partition: number): BidStatsRow {
  return {
    partition,
    offset: record.offset,
    appendedMs: record.appendedMs,
    fromMs: Math.trunc(record.appendedMs),
    toMs: Math.trunc(record.appendedMs),
    status: 'accepted',
    node: '',
    sequence: 0,
    kind: '',
    advertiserId: 0,
    campaignId: 0,
    lineItemId: 0,
    reason: '',
    requests: 0,
    answered: 0,
    errors: 0,
    matched: 0,
    bids: 0,
    bidNanos: 0,
    valueNanos: 0,
    noBids: 0,
    p50Us: 0,
    p99Us: 0,
    p999Us: 0,
    maxUs: 0,
    raw: '',
  };
}
