import { type ReportMetric, reportQuerySchema } from '../../core/report.ts';
import type { Store } from '../store/store.ts';
import type { Truth } from './truth.case.ts';

const metricOf: Readonly<Record<string, ReportMetric>> = {
  win: 'wins',
  bill: 'bills',
  loss: 'losses',
  impression: 'impressions',
  click: 'clicks',
};

/**
 * Where the store's reports differ from the truth; nothing when they are exactly equal. Reads only what customers
 * read: reports, by campaign, hour and event type.
 */
export async function differences(store: Store, truth: Truth, fromMs: number, toMs: number): Promise<string[]> {
  const hour = 3_600_000;
  const range = { fromMs: Math.floor(fromMs / hour) * hour, toMs: Math.ceil(toMs / hour) * hour };
  const found: string[] = [];
  const total = await store.query(
    reportQuerySchema.parse({ ...range, metrics: ['received', 'accepted', 'duplicates', 'invalid', 'quarantined'] }),
  );
  const got = Object.values(total.rows[0]?.metrics ?? {}).join(' ');
  const { accepted, duplicate, invalid, quarantined } = truth.statuses;
  const want = [truth.sent, accepted, duplicate, invalid, quarantined].join(' ');
  if (got !== want) found.push(`received accepted duplicate invalid quarantined: ${got} instead of ${want}`);

  const cells = new Map<string, string>();
  const report = reportQuerySchema.parse({
    ...range,
    granularity: 'hour',
    dimensions: ['campaign', 'eventType'],
    metrics: [...Object.values(metricOf), 'spendNanos'],
  });
  for await (const chunk of store.stream(report)) {
    for (const { timeMs, dimensions, metrics } of chunk) {
      const type = String(dimensions.eventType);
      const count = metricOf[type] === undefined ? 0 : Number(metrics[metricOf[type]]);
      if (count > 0) cells.set(`${dimensions.campaign}/${timeMs / hour}/${type}`, `${count} ${metrics.spendNanos}`);
    }
  }
  for (const [key, { count, nanos }] of truth.cells) {
    const value = cells.get(key) ?? '0 0';
    if (value !== `${count} ${nanos}`) found.push(`${key}: ${value} instead of ${count} ${nanos}`);
    cells.delete(key);
  }
  for (const [key, value] of cells) found.push(`${key}: ${value} instead of nothing`);
  return found;
}
