import type { EventLog, LogRecord, PartitionBounds } from '../../core/eventlog.ts';
import type { EventRow } from '../store/rows.ts';
import type { Audit, Rebuild, Store } from '../store/store.ts';
import { touchesFor } from './attribution.ts';
import { decideEvent, type TrafficScorer } from './decide.ts';
import { type IngestConfig, rebuildClaims, rulesOf } from './ingest.ts';
import { blockToken } from './writer.ts';

export interface ReplayConfig extends IngestConfig {
  /** Records appended before are kept as they were decided, milliseconds since the epoch. Default: all are decided anew. */
  readonly fromMs?: number;
  /** The same for records appended at or after. Default: up to the end of the log. */
  readonly toMs?: number;
}

export interface ReplayDeps {
  readonly log: EventLog;
  readonly store: Store;
  /** A new one for each replay: what it remembers belongs to one pass over the log. */
  readonly scorer?: TrafficScorer;
  readonly onProgress: (progress: ReplayProgress) => void;
}

export interface ReplayProgress {
  readonly done: number;
  readonly total: number;
}

export interface ReplayResult {
  readonly before: Audit;
  readonly after: Audit;
  /** Rows that were copied because the log no longer has them, or they are outside the asked time. */
  readonly copied: number;
  readonly replayed: number;
}

const BLOCK_ROWS = 20_000;

/**
 * Decides the log anew into a new table and puts that in the place of the live one. Ingest must not run meanwhile; what
 * is appended meanwhile is ingested afterwards. Killed before the last step it leaves everything as it was.
 * The new table is only taken when it is faultless; otherwise nothing changes and its faults are returned.
 */
export async function replay(config: ReplayConfig, deps: ReplayDeps): Promise<ReplayResult> {
  const { log, store } = deps;
  const before = await store.audit();
  const rebuild = await store.rebuild();
  const bounds = await log.bounds('events');
  const spans: Span[] = [];
  for (const partition of await partitionsOf(bounds, store))
    spans.push(await spanOf(config, rebuild, bounds, partition));
  const total = spans.reduce((sum, { from, to }) => sum + Math.max(0, to - from), 0);
  let copied = 0;
  let replayed = 0;
  for (const { partition, from, to } of spans) {
    copied += await rebuild.copy(partition, 0, from);
    await replayPartition(config, deps, rebuild, { partition, from, to }, (records) => {
      replayed += records;
      deps.onProgress({ done: replayed, total });
    });
    copied += await rebuild.copy(partition, to, Number.MAX_SAFE_INTEGER);
  }
  const after = await rebuild.store.audit();
  if (after.faults.length === 0) await rebuild.swap();
  return { before, after, copied, replayed };
}

interface Span {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

async function partitionsOf(bounds: readonly PartitionBounds[], store: Store): Promise<number[]> {
  const kept = await store.positions('events');
  return [...new Set([...bounds.map(({ partition }) => partition), ...kept.keys()])].sort((a, b) => a - b);
}

async function spanOf(
  config: ReplayConfig,
  rebuild: Rebuild,
  bounds: readonly PartitionBounds[],
  partition: number,
): Promise<Span> {
  const { first = 0, end = 0 } = bounds.find((each) => each.partition === partition) ?? {};
  const from = config.fromMs === undefined ? null : await rebuild.offsetAt(partition, config.fromMs);
  const to = config.toMs === undefined ? null : await rebuild.offsetAt(partition, config.toMs);
  const start = Math.max(first, config.fromMs === undefined ? first : (from ?? end));
  return { partition, from: start, to: Math.max(start, to ?? end) };
}

async function replayPartition(
  config: ReplayConfig,
  { log, store, scorer }: ReplayDeps,
  rebuild: Rebuild,
  { partition, from, to }: Span,
  onRecords: (records: number) => void,
): Promise<void> {
  if (to <= from) return;
  const { rules, horizons } = rulesOf(config, scorer ?? null);
  const claims = await rebuildClaims(rebuild.store, partition, horizons);
  let rows: EventRow[] = [];
  const write = async (): Promise<void> => {
    const [lo, hi] = [rows[0]?.offset, rows.at(-1)?.offset];
    if (lo === undefined || hi === undefined) return;
    await rebuild.store.insertEvents({ rows, token: `replay/${blockToken('events', [{ partition, lo, hi }])}` });
    onRecords(rows.length);
    rows = [];
  };
  await readRange(log, { partition, from, to }, async (records) => {
    // Partitions before this one are rebuilt, later ones are not: the live table knows what users saw in all of them.
    const touches = await touchesFor(store, records);
    for (const record of records) rows.push(decideEvent(claims, record, partition, rules, touches));
    if (rows.length >= BLOCK_ROWS) await write();
  });
  await write();
}

/** Delivers one partition's records with from ≤ offset < to. */
async function readRange(
  log: EventLog,
  { partition, from, to }: Span,
  onRecords: (records: readonly LogRecord[]) => Promise<void>,
): Promise<void> {
  let finish: (error: unknown) => void = () => {};
  const finished = new Promise<unknown>((resolve) => {
    finish = resolve;
  });
  const bounds = await log.bounds('events');
  const consumer = await log.consume({
    topic: 'events',
    group: null,
    maxBatchRecords: 2000,
    // The other partitions wait at their ends.
    start: async (each) => (each === partition ? from : (bounds.find((one) => one.partition === each)?.end ?? 0)),
    async onBatch(batch) {
      if (batch.partition !== partition) return;
      await onRecords(batch.records.filter(({ offset }) => offset < to));
      if (batch.records.at(-1)!.offset >= to - 1) finish(null);
    },
    onError: (error) => finish(error),
  });
  const error = await finished;
  await consumer.stop();
  if (error !== null) throw error;
}
