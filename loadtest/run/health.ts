import process from 'node:process';
import type { Collector } from './collector.ts';
import type { LoadtestOptions } from './options.ts';
import type { SenderHealth } from './result.ts';
import { summaryOf } from './summary.ts';

/** A sender later than this at the 99th percentile colours what it measures, ms. */
const LATE_P99_MS = 5;
const BUSY = 0.9;
/** From this share of the time on it is worth saying that the sender had no core. */
const NO_CORE = 0.02;

/** Says how well the sender kept its own times, and whether it was the limit. */
export function judgeSender(
  options: LoadtestOptions,
  collector: Collector,
  cpuCores: number,
  durationMs: number,
): SenderHealth {
  const lateness = summaryOf(collector.lateness);
  const { counters, openConnections, waitedMs } = collector.totals();
  const waitedShare = waitedMs === null ? null : Math.min(1, waitedMs / Math.max(1, durationMs));
  const warnings: string[] = [];
  // A precise sender is always busy: there only its lateness tells.
  const overworked = collector.maxBusy > BUSY && options.pace === 'timer';
  if (overworked) {
    const percent = (collector.maxBusy * 100).toFixed(0);
    warnings.push(
      `A sender thread was ${percent} % busy: the sender may be the limit. Use more --threads or a machine of its own.`,
    );
  }
  if (options.closedUsers === 0 && lateness.p99Ms > LATE_P99_MS) {
    const noCore =
      waitedShare === null || waitedShare < NO_CORE
        ? ''
        : `: for ${(waitedShare * 100).toFixed(0)} % of the time it was ready and had no core`;
    warnings.push(
      `Requests left up to ${lateness.p99Ms.toFixed(1)} ms late (p99) because the sender did not get to them${noCore}; ` +
        'latencies contain this. Give the sender a core of its own, or use --pace precise.',
    );
  }
  if (counters.dropped > 0 && openConnections >= options.maxConnections) {
    warnings.push(
      `${counters.dropped} requests were dropped with all ${options.maxConnections} connections waiting for answers: ` +
        'the server was the limit, or --max-connections is too low for this rate.',
    );
  } else if (counters.dropped > 0) {
    warnings.push(`${counters.dropped} requests were dropped: the sender or the server could not keep up.`);
  }
  return { lateness, maxBusy: collector.maxBusy, waitedShare, cpuCores, rssBytes: process.memoryUsage().rss, warnings };
}
