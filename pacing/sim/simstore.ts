import { localDay } from '../../core/budgetday.ts';
import type { SpendRow } from '../../core/spend.ts';
import type { PacerCore } from '../pacercore.ts';
import type { Market } from './market.ts';
import type { Notice } from './world.ts';

const READ_EVERY_MS = 60_000;
const TOTALS_EVERY_MS = 300_000;
const MINUTE_MS = 60_000;
const LOOK_BACK_MS = 26 * 3_600_000;

type Row = { -readonly [key in keyof SpendRow]: SpendRow[key] };
interface Sum {
  readonly row: Row;
  nanos: number;
  /** Not yet in the row. */
  changed: boolean;
}
/** The rows of one span of time, by line item and bidder. */
type Bucket = Map<number, Sum>;

/**
 * The store as the pacer reads it: exactly-once by bid, summed by minute and by budget day. Rows are reused between
 * reads: whoever reads keeps none.
 * @param timeZone of all advertisers
 */
export function createSimStore(timeZone: string): {
  add(notice: Notice): boolean;
  read(core: PacerCore, market: Market, nowMs: number, cohortMs: number, elapsedMs: number): void;
} {
  const seen = new Set<number>();
  const minutes = new Map<number, Bucket>();
  const days = new Map<number, Bucket>();
  let day = { startMs: 0, endMs: 0 };

  function dayOf(atMs: number): number {
    if (atMs < day.startMs || atMs >= day.endMs) day = localDay(timeZone, atMs);
    return day.startMs;
  }

  return {
    add(notice) {
      if (seen.has(notice.number)) return false;
      seen.add(notice.number);
      count(minutes, Math.floor(notice.bidAtMs / MINUTE_MS) * MINUTE_MS, notice);
      count(days, dayOf(notice.bidAtMs), notice);
      return true;
    },
    read(core, market, nowMs, cohortMs, elapsedMs) {
      if (elapsedMs % READ_EVERY_MS !== 0) return;
      const from = Math.floor(nowMs / cohortMs) * cohortMs - 40 * cohortMs;
      const rows: SpendRow[] = [];
      for (let at = Math.floor(from / MINUTE_MS) * MINUTE_MS; at <= nowMs; at += MINUTE_MS) list(minutes.get(at), rows);
      core.cohorts(rows, from, Math.floor(nowMs / cohortMs + 1) * cohortMs, nowMs);
      if (elapsedMs % TOTALS_EVERY_MS !== 0) return;
      const since = Math.max(market.startMs, nowMs - LOOK_BACK_MS);
      core.totals(listSince(days, since), since, nowMs);
      core.totals(listSince(days, Number.NEGATIVE_INFINITY), 0, nowMs);
    },
  };
}

function count(buckets: Map<number, Bucket>, startMs: number, notice: Notice): void {
  let bucket = buckets.get(startMs);
  if (bucket === undefined) {
    bucket = new Map();
    buckets.set(startMs, bucket);
  }
  const key = notice.line.lineItemId * 1000 + notice.node.born;
  let sum = bucket.get(key);
  if (sum === undefined) {
    sum = { row: emptyRow(notice, startMs), nanos: 0, changed: true };
    bucket.set(key, sum);
  }
  sum.nanos += notice.nanos ?? 0;
  sum.changed = true;
  sum.row.bills++;
}

function list(bucket: Bucket | undefined, into: SpendRow[]): void {
  if (bucket === undefined) return;
  for (const sum of bucket.values()) {
    const { row } = sum;
    if (sum.changed) {
      sum.changed = false;
      row.billedNanos = BigInt(sum.nanos);
      row.wins = row.bills;
      row.impressions = row.bills;
    }
    into.push(row);
  }
}

function listSince(buckets: ReadonlyMap<number, Bucket>, fromMs: number): SpendRow[] {
  const rows: SpendRow[] = [];
  for (const [startMs, bucket] of buckets) if (startMs >= fromMs) list(bucket, rows);
  return rows;
}

function emptyRow({ line, node }: Notice, bucketMs: number): Row {
  return {
    advertiserId: line.advertiserId,
    campaignId: line.campaignId,
    lineItemId: line.lineItemId,
    node: node.name,
    bucketMs,
    billedNanos: 0n,
    bills: 0,
    wins: 0,
    impressions: 0,
    clicks: 0,
    conversions: 0,
  };
}
