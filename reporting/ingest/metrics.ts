import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What ingest shows of itself. */
export interface IngestMetrics {
  readonly rows: Counter<'topic' | 'status' | 'reason'>;
  readonly lag: Gauge<'topic' | 'partition'>;
  readonly freshness: Histogram<'topic'>;
  readonly blockRows: Histogram<'topic'>;
  readonly failures: Counter<'topic' | 'code'>;
  readonly lost: Counter<'topic'>;
  readonly claimBytes: Gauge;
  readonly claims: Gauge;
}

export function createIngestMetrics(registry: Registry): IngestMetrics {
  const registers = [registry];
  return {
    rows: new Counter({
      name: 'evenkeel_ingest_records_total',
      help: 'Records of the log by what became of them.',
      labelNames: ['topic', 'status', 'reason'],
      registers,
    }),
    lag: new Gauge({
      name: 'evenkeel_ingest_lag_records',
      help: 'Records appended to the log and not yet decided.',
      labelNames: ['topic', 'partition'],
      registers,
    }),
    freshness: new Histogram({
      name: 'evenkeel_ingest_freshness_seconds',
      help: 'Age of the oldest record of each block when the block could be queried.',
      labelNames: ['topic'],
      buckets: [0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 30, 60, 300, 3600],
      registers,
    }),
    blockRows: new Histogram({
      name: 'evenkeel_ingest_block_rows',
      help: 'Rows of one block.',
      labelNames: ['topic'],
      buckets: [1, 10, 100, 1000, 5000, 10_000, 20_000, 50_000],
      registers,
    }),
    failures: new Counter({
      name: 'evenkeel_ingest_insert_failures_total',
      help: 'Inserts whose outcome was not known; each is repeated as the same block.',
      labelNames: ['topic', 'code'],
      registers,
    }),
    lost: new Counter({
      name: 'evenkeel_ingest_lost_records_total',
      help: 'Records that left the log before they were read. Anything but 0 is an incident.',
      labelNames: ['topic'],
      registers,
    }),
    claimBytes: new Gauge({
      name: 'evenkeel_ingest_claim_bytes',
      help: 'Memory of the deduplication state.',
      registers,
    }),
    claims: new Gauge({ name: 'evenkeel_ingest_claims', help: 'Event ids in the deduplication state.', registers }),
  };
}
