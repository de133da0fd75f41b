import { noBidReasonList } from '../../core/reasons.ts';
import type { BidStats, CellUse, TrafficSample } from '../../core/topics.ts';
import type { ThreadCounts } from '../stats/counters.ts';
import { addHistogram, createHistogram, percentilesUs } from '../stats/histogram.ts';
import { LineTable, lineRows } from '../stats/linecounts.ts';

/** What all threads counted since the last message, merged. */
export interface Totals {
  add(counts: ThreadCounts): void;
  /** The next message of `bidstats`. */
  take(nowMs: number, cells: readonly CellUse[], final: boolean): BidStats;
}

/** Drawn requests of one message at most; the contract allows twice as many. */
const MAX_DRAWN = 128;

export function createTotals(node: string, startMs: number): Totals {
  let sequence = 0;
  let fromMs = startMs;
  let sum = empty();
  const lines = new LineTable();
  const rows = new Map<number, number>();

  function rowOf(lineItemId: number, campaignId: number): number {
    let row = rows.get(lineItemId);
    if (row === undefined) {
      row = lines.open(lineItemId, campaignId);
      rows.set(lineItemId, row);
    }
    return row;
  }

  return {
    add(counts) {
      for (const found of counts.exchanges.values()) {
        sum.answered += found.answered;
        sum.errors += found.errors;
        addHistogram(sum.latency, found.latency);
        found.noBids.forEach((count, i) => {
          sum.noBids[i] = sum.noBids[i]! + count;
        });
      }
      const { ids, nanos } = counts.lines;
      for (let i = 0; i < nanos.length / 2; i++) lines.add(rowOf(ids[i * 2]!, ids[i * 2 + 1]!), counts.lines, i);
      sum.level = Math.max(sum.level, counts.traffic.level);
      sum.drawn.push(...counts.traffic.requests);
    },
    take(nowMs, cells, final) {
      const percentiles = percentilesUs(sum.latency, [0.5, 0.99, 0.999, 1]);
      const [p50Us = 0, p99Us = 0, p999Us = 0, maxUs = 0] = percentiles ?? [];
      const message: BidStats = {
        v: 1,
        node,
        sequence: sequence++,
        fromMs,
        toMs: nowMs,
        requests: sum.answered + sum.errors + sum.noBids.reduce((total, count) => total + count, 0),
        answered: sum.answered,
        errors: sum.errors,
        latency: percentiles === null ? null : { p50Us, p99Us, p999Us, maxUs },
        noBids: byName(sum.noBids),
        lineItems: lineRows(lines.take()).map((line) => ({ ...line, reasons: byName(line.reasons) })),
        cells: [...cells],
        traffic: drawnOf(sum.level, sum.drawn),
        final,
      };
      fromMs = nowMs;
      sum = empty();
      rows.clear();
      return message;
    },
  };
}

/** One draw of what threads drew at levels of their own. */
function drawnOf(least: number, drawn: TrafficSample['requests']): TrafficSample {
  for (let level = least; ; level++) {
    const requests = drawn.filter(({ hash }) => hash % 2 ** level === 0);
    if (requests.length <= MAX_DRAWN) return { level, requests };
  }
}

function empty() {
  return {
    answered: 0,
    errors: 0,
    latency: createHistogram(),
    noBids: new Int32Array(noBidReasonList.length),
    level: 0,
    drawn: [] as TrafficSample['requests'],
  };
}

function byName(counts: Int32Array): Record<string, number> {
  const named: Record<string, number> = {};
  for (let i = 0; i < counts.length; i++) if (counts[i]! > 0) named[noBidReasonList[i]!] = counts[i]!;
  return named;
}
