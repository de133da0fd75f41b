import type { SpendRow } from '../../core/spend.ts';
import type { PacerCore } from '../pacercore.ts';
import type { Market } from './market.ts';
import type { Notice } from './world.ts';

const READ_EVERY_MS = 60_000;
const MINUTE_MS = 60_000;
const QUARTER_MS = 900_000;
const DAY_MS = 86_400_000;

interface Sum {
  readonly row: SpendRow;
  nanos: number;
  bills: number;
}

/** The store as the pacer reads it: exactly-once by bid, summed in the buckets that the live pacer asks for. */
export function createSimStore(): {
  add(notice: Notice): boolean;
  read(core: PacerCore, market: Market, nowMs: number, cohortMs: number, elapsedMs: number): void;
} {
  const seen = new Set<string>();
  const minutes = createBuckets(MINUTE_MS);
  const quarters = createBuckets(QUARTER_MS);
  const days = createBuckets(DAY_MS);
  return {
    add(notice) {
      if (seen.has(notice.bidId)) return false;
      seen.add(notice.bidId);
      for (const buckets of [minutes, quarters, days]) buckets.add(notice);
      return true;
    },
    read(core, market, nowMs, cohortMs, elapsedMs) {
      if (elapsedMs % READ_EVERY_MS !== 0) return;
      const from = Math.floor(nowMs / cohortMs) * cohortMs - 40 * cohortMs;
      core.cohorts(minutes.list(from, nowMs), from, Math.floor(nowMs / cohortMs + 1) * cohortMs, nowMs);
      if (elapsedMs % 300_000 !== 0) return;
      const since = Math.floor((nowMs - 26 * 3_600_000) / QUARTER_MS) * QUARTER_MS;
      core.totals(quarters.list(Math.max(market.startMs, since), nowMs), since, nowMs);
      core.totals(days.list(market.startMs, nowMs), 0, nowMs);
    },
  };
}

function createBuckets(spanMs: number): {
  add(notice: Notice): void;
  list(fromMs: number, toMs: number): SpendRow[];
} {
  const byStart = new Map<number, Map<string, Sum>>();
  return {
    add(notice) {
      const startMs = Math.floor(notice.bidAtMs / spanMs) * spanMs;
      let bucket = byStart.get(startMs);
      if (bucket === undefined) {
        bucket = new Map();
        byStart.set(startMs, bucket);
      }
      const key = `${notice.line.lineItemId}:${notice.node}`;
      let sum = bucket.get(key);
      if (sum === undefined) {
        sum = { row: emptyRow(notice, startMs), nanos: 0, bills: 0 };
        bucket.set(key, sum);
      }
      sum.nanos += notice.nanos ?? 0;
      sum.bills++;
    },
    list(fromMs, toMs) {
      const found: SpendRow[] = [];
      for (let at = Math.floor(fromMs / spanMs) * spanMs; at <= toMs; at += spanMs)
        for (const { row, nanos, bills } of byStart.get(at)?.values() ?? [])
          found.push({ ...row, billedNanos: BigInt(nanos), bills, wins: bills, impressions: bills });
      return found;
    },
  };
}

function emptyRow(notice: Notice, bucketMs: number): SpendRow {
  return {
    advertiserId: notice.line.advertiserId,
    campaignId: notice.line.campaignId,
    lineItemId: notice.line.lineItemId,
    node: notice.node,
    bucketMs,
    billedNanos: 0n,
    bills: 0,
    wins: 0,
    impressions: 0,
    clicks: 0,
    conversions: 0,
  };
}
