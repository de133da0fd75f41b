import type { Metric } from './metric.ts';

export const processMetrics: readonly Metric[] = [
  {
    name: 'evenkeel_build_info',
    type: 'gauge',
    labels: ['version', 'role', 'server'],
    roles: ['bidder', 'ingest', 'pacer', 'api'],
    area: 'Process',
    unit: 'always 1',
    says: 'Version, role and HTTP engine of the process, as labels.',
    threshold: 'One version everywhere, outside of an upgrade.',
    action: 'Finish or undo the upgrade (docs/operating/upgrading.md).',
  },
  {
    name: 'evenkeel_errors_total',
    type: 'counter',
    labels: ['code'],
    roles: ['bidder', 'ingest', 'pacer', 'api'],
    area: 'Process',
    unit: 'errors',
    says: 'Errors that were handled, by their stable code.',
    threshold: 'Near zero.',
    action: 'Search the log for the code: the line says what to do.',
  },
];
