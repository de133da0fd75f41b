import type { MarketCounters } from '../market/market.ts';
import type { SendCounters } from '../send/counters.ts';
import type { Latencies } from '../send/latencies.ts';

/** What gates look at. */
export interface Measured {
  readonly counters: SendCounters;
  readonly market: MarketCounters;
  readonly latencies: Pick<Latencies, 'count' | 'maxMs' | 'meanMs' | 'percentileMs'>;
  /** How long was measured, without warm-up, ms. */
  readonly measuredMs: number;
  /** Sum of differences found by the audit; null when there was none. */
  readonly lostEvents: number | null;
  readonly unacknowledged: number | null;
}
