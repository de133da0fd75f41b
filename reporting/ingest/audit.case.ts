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
 * Where the store differs from the truth; nothing when it is exactly equal. Reads what customers read: reports, by
 * campaign, hour and event type; and what the pacer reads: spend by campaign and hour.
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
  found.push(...(await spendDifferences(store, truth, range)));
  return found;
}

/** Where what the pacer reads differs from the truth, by campaign and hour. */
async function spendDifferences(
  store: Store,
  truth: Truth,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Promise<string[]> {
  const hour = 3_600_000;
  const spent = new Map<string, bigint>();
  const add = (key: string, nanos: bigint): void => {
    spent.set(key, (spent.get(key) ?? 0n) + nanos);
  };
  for (const row of await store.spend(fromMs, toMs, hour)) {
    add(`${row.campaignId}/${row.bucketMs / hour}`, row.billedNanos);
  }
  for (const [key, { nanos }] of truth.cells) add(key.split('/').slice(0, 2).join('/'), -nanos);
  return [...spent]
    .filter(([, nanos]) => nanos !== 0n)
    .map(([key, nanos]) => `the pacer reads ${nanos} too much: ${key}`);
}
