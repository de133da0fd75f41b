import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What the pacer counts; registered once in a process, whoever is active. */
export interface PacerMetrics {
  readonly round: Histogram;
  readonly messages: Counter;
  readonly errors: Counter;
  readonly epoch: Gauge;
}

/** Registers them, as docs/operating/metrics.md lists them. */
export function createPacerMetrics(registry: Registry): PacerMetrics {
  const registers = [registry];
  return {
    round: new Histogram({
      name: 'evenkeel_pacer_round_seconds',
      help: 'Time to decide one control round.',
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1],
      registers,
    }),
    messages: new Counter({
      name: 'evenkeel_pacer_messages_total',
      help: 'Messages published on the pacing topic.',
      registers,
    }),
    errors: new Counter({
      name: 'evenkeel_pacer_errors_total',
      help: 'What went wrong, by what: log, store, round, or the topic of an unreadable record.',
      labelNames: ['what'],
      registers,
    }),
    epoch: new Gauge({
      name: 'evenkeel_pacer_epoch',
      help: 'Grows with every take-over; 0 while standing by.',
      registers,
    }),
  };
}
