import { apiMetrics } from './api.ts';
import { biddingMetrics } from './bidding.ts';
import { eventsMetrics } from './events.ts';
import type { Metric } from './metric.ts';
import { pacingMetrics } from './pacing.ts';
import { processMetrics } from './process.ts';
import { reportingMetrics } from './reporting.ts';

/** Every `evenkeel_` metric. Names follow Prometheus: base units, counters end in `_total`. */
export const metrics: readonly Metric[] = [
  ...biddingMetrics,
  ...eventsMetrics,
  ...reportingMetrics,
  ...pacingMetrics,
  ...apiMetrics,
  ...processMetrics,
];
