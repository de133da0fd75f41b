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
];
