import type { Metric } from './metric.ts';

export const apiMetrics: readonly Metric[] = [
  {
    name: 'evenkeel_api_requests_total',
    type: 'counter',
    labels: ['route', 'status'],
    roles: ['api'],
    area: 'API',
    unit: 'requests',
    says: 'API and dashboard requests by route and status class.',
    threshold: '5xx at zero.',
    action: 'The API’s log has the request id and the error.',
    alert: {
      name: 'EvenkeelApiErrors',
      when: 'sum by (route) (rate(evenkeel_api_requests_total{status="5xx"}[5m])) > 0',
      forMinutes: 5,
      severity: 'ticket',
    },
  },
  {
    name: 'evenkeel_api_duration_seconds',
    type: 'histogram',
    labels: ['route'],
    roles: ['api'],
    area: 'API',
    unit: 'seconds',
    says: 'Time to answer an API request.',
    threshold: 'p99 under 1 s.',
    action: 'A long report: shorten its range or coarsen its granularity.',
  },
  {
    name: 'evenkeel_api_refusals_total',
    type: 'counter',
    labels: ['code'],
    roles: ['api'],
    area: 'API',
    unit: 'requests',
    says: 'API requests refused, by the stable code of the problem (wrong key, limit, too large).',
    threshold: 'Low and steady.',
    action: 'Many `unauthorized`: somebody guesses keys. Many `rate_limited`: talk to the key’s owner.',
  },
];
