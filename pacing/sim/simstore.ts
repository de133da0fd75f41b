import type { SpendRow } from '../../core/spend.ts';
import type { PacerCore } from '../pacercore.ts';
import type { Market } from './market.ts';
import type { Notice } from './world.ts';

const READ_EVERY_MS = 60_000;

/** The store as the pacer reads it: exactly-once by bid, and a few seconds behind. */
export function createSimStore(): {
  add(notice: Notice, nowMs: number): boolean;
  read(core: PacerCore, market: Market, nowMs: number, cohortMs: number, elapsedMs: number): void;
} {
  const seen = new Set<string>();
  const rows = new Map<number, Map<string, { row: SpendRow; nanos: number; bills: number }>>();
  return {
    add(notice) {
      if (seen.has(notice.bidId)) return false;
      seen.add(notice.bidId);
      const minute = Math.floor(notice.bidAtMs / 60_000) * 60_000;
      const bucket = rows.get(minute) ?? new Map();
      rows.set(minute, bucket);
      const key = `${notice.line.lineItemId}:${notice.node}`;
      const found = bucket.get(key) ?? { row: emptyRow(notice, minute), nanos: 0, bills: 0 };
      bucket.set(key, found);
      found.nanos += notice.nanos ?? 0;
      found.bills++;
      return true;
    },
    read(core, market, nowMs, cohortMs, elapsedMs) {
      if (elapsedMs % READ_EVERY_MS !== 0) return;
      const from = Math.floor(nowMs / cohortMs) * cohortMs - 40 * cohortMs;
      core.cohorts(list(from, nowMs), from, Math.floor(nowMs / cohortMs + 1) * cohortMs, nowMs);
      if (elapsedMs % 300_000 !== 0) return;
      const since = Math.floor((nowMs - 26 * 3_600_000) / 900_000) * 900_000;
      core.totals(list(since, nowMs), since, nowMs);
      core.totals(list(market.startMs, nowMs), 0, nowMs);
    },
  };

  function list(fromMs: number, toMs: number): SpendRow[] {
    const found: SpendRow[] = [];
    // A recent span minute by minute, a long one through all that there is.
    const minutes = toMs - fromMs > 200 * 60_000 ? [...rows.keys()] : minutesOf(fromMs, toMs);
    for (const minute of minutes) {
      const bucket = rows.get(minute);
      if (bucket === undefined || minute < fromMs || minute > toMs) continue;
      for (const { row, nanos, bills } of bucket.values())
        found.push({ ...row, billedNanos: BigInt(nanos), bills, wins: bills, impressions: bills });
    }
    return found;
  }
}

function minutesOf(fromMs: number, toMs: number): number[] {
  const first = Math.ceil(fromMs / 60_000);
  return Array.from({ length: Math.max(0, Math.floor(toMs / 60_000) - first + 1) }, (_, at) => (first + at) * 60_000);
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
