import type { Metric } from './metric.ts';

export const apiMetrics: readonly Metric[] = [
  {
    name: 'evenkeel_api_requests_total',
    type: 'counter',
    labels: ['method', 'status'],
    roles: ['api'],
    area: 'API',
    unit: 'requests',
    says: 'API and dashboard requests by method and status class.',
    threshold: '5xx at zero.',
    action: 'The API’s log has the request id and the error. Many 4xx: somebody guesses keys.',
    alert: {
      name: 'EvenkeelApiErrors',
      when: 'sum(rate(evenkeel_api_requests_total{status="5xx"}[5m])) > 0',
      forMinutes: 5,
      severity: 'ticket',
    },
  },
  {
    name: 'evenkeel_api_request_seconds',
    type: 'histogram',
    labels: [],
    roles: ['api'],
    area: 'API',
    unit: 'seconds',
    says: 'Time to the first byte of an API answer.',
    threshold: 'p99 under 1 s.',
    action: 'A long report: shorten its range or coarsen its granularity.',
  },
  {
    name: 'evenkeel_webhook_deliveries_total',
    type: 'counter',
    labels: ['outcome'],
    roles: ['api'],
    area: 'API',
    unit: 'deliveries',
    says: 'Webhook deliveries: `delivered`, `failed`, `given_up` or `shed`.',
    threshold: 'Nearly all `delivered`.',
    action: '`given_up`: the receiver is away; its owner has to fix it. `shed`: too many wait, the receiver is slow.',
  },
];
