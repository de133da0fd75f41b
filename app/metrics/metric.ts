/** Processes that expose `/metrics`. `reporting` (embedded) exposes what ingest, pacer and api expose together. */
export type MetricRole = 'bidder' | 'ingest' | 'pacer' | 'api';

/** Rows of the dashboard and sections of the page, in the order of a request's life. */
export const areas = ['Bidding', 'Notices and events', 'Log and ingest', 'Pacing and money', 'API', 'Process'] as const;
export type Area = (typeof areas)[number];

/** A condition somebody must know of. `when` is PromQL that returns a sample for each thing that is wrong. */
export interface Alert {
  readonly name: string;
  readonly when: string;
  /** How long it must hold before it is told, minutes. */
  readonly forMinutes: number;
  /** `page` wakes a person: money or bidding is at stake. `ticket` waits for the morning. */
  readonly severity: 'page' | 'ticket';
}

/** One metric of the product, once: the page, the dashboard and the alert rules are made from it. */
export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly roles: readonly MetricRole[];
  readonly area: Area;
  /** Unit of the value, such as `requests`, `seconds`, `bytes`. */
  readonly unit: string;
  readonly says: string;
  /** What is normal, in words. */
  readonly threshold: string;
  /** What to do past the threshold. */
  readonly action: string;
  readonly alert?: Alert;
}
