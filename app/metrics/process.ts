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
    name: 'evenkeel_process_anonymous_memory_bytes',
    type: 'gauge',
    labels: [],
    roles: ['bidder', 'ingest', 'pacer', 'api'],
    area: 'Process',
    unit: 'bytes',
    says: 'Resident memory without mapped files and libraries: what grows when something leaks. Linux only.',
    threshold: 'Level after the first hour under even load.',
    action: 'Take a heap snapshot of the process; restart it meanwhile.',
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
