import { noBidReasonList } from '../../core/reasons.ts';
import type { BidStats, CellUse } from '../../core/topics.ts';
import type { LineCounts, ThreadCounts } from '../stats/counters.ts';
import { addHistogram, createHistogram, percentilesUs } from '../stats/histogram.ts';

/** What all threads counted since the last message, merged. */
export interface Totals {
  add(counts: ThreadCounts): void;
  /** The next message of `bidstats`. */
  take(nowMs: number, cells: readonly CellUse[], final: boolean): BidStats;
}

export function createTotals(node: string, startMs: number): Totals {
  let sequence = 0;
  let fromMs = startMs;
  let sum = empty();

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
      for (const line of counts.lines) addLine(sum.lines, line);
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
        lineItems: [...sum.lines.values()].map((line) => ({ ...line, reasons: byName(line.reasons) })),
        cells: [...cells],
        final,
      };
      fromMs = nowMs;
      sum = empty();
      return message;
    },
  };
}

function empty() {
  return {
    answered: 0,
    errors: 0,
    latency: createHistogram(),
    noBids: new Int32Array(noBidReasonList.length),
    lines: new Map<number, LineCounts>(),
  };
}

function addLine(lines: Map<number, LineCounts>, line: LineCounts): void {
  const known = lines.get(line.lineItemId);
  if (known === undefined) {
    lines.set(line.lineItemId, line);
    return;
  }
  known.matched += line.matched;
  known.bids += line.bids;
  known.bidNanos += line.bidNanos;
  known.valueNanos += line.valueNanos;
  line.reasons.forEach((count, i) => {
    known.reasons[i] = known.reasons[i]! + count;
  });
}

function byName(counts: Int32Array): Record<string, number> {
  const named: Record<string, number> = {};
  counts.forEach((count, i) => {
    if (count > 0) named[noBidReasonList[i]!] = count;
  });
  return named;
}
