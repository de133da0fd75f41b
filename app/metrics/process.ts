import type { Metric } from './metric.ts';

export const processMetrics: readonly Metric[] = [
  {
    name: 'evenkeel_build_info',
    type: 'gauge',
    labels: ['version', 'role'],
    roles: ['bidder', 'ingest', 'pacer', 'api'],
    area: 'Process',
    unit: 'always 1',
    says: 'Version and role of the process, as labels.',
    threshold: 'One version everywhere, outside of an upgrade.',
    action: 'Finish or undo the upgrade (docs/operating/upgrading.md).',
  },
  {
    name: 'evenkeel_trace_spans_total',
    type: 'counter',
    labels: ['outcome'],
    roles: ['bidder', 'ingest', 'pacer', 'api'],
    area: 'Process',
    unit: 'spans',
    says: 'Spans of OpenTelemetry traces that were sent, dropped because too many waited, or failed because the receiver did not take them. Nothing without `tracesUrl`.',
    threshold: 'Nothing dropped or failed.',
    action: 'Look at the receiver at `tracesUrl`; lower `tracesRatio`. Bids, events and money are not touched.',
  },
];
