import type { Sql } from './client.ts';
import type { Audit } from './store.ts';

/**
 * Checks a table of events against itself: one row per (partition, offset), offsets without gaps, no event id accepted
 * twice, and each aggregate projection equal to the rows it stands for.
 */
export async function audit(sql: Sql, table: string): Promise<Audit> {
  const faults: string[] = [];
  const partitions = await sql.rows(
    `SELECT partition, count(), uniqExact(offset), min(offset), max(offset) FROM ${table} GROUP BY partition ORDER BY partition`,
  );
  let rows = 0;
  for (const [partition, count, distinct, first, last] of partitions.map((row) => row.map(Number))) {
    rows += count!;
    if (count !== distinct) faults.push(`partition ${partition}: ${count! - distinct!} rows stand twice`);
    const span = last! - first! + 1;
    if (distinct !== span) faults.push(`partition ${partition}: ${span - distinct!} offsets are missing`);
  }
  const [totals] = await sql.rows(
    `SELECT count(), uniqExact(event_id), sum(billed_nanos) FROM ${table} WHERE status = 'accepted' ${plain}`,
  );
  const [accepted, ids, billed] = [
    Number(totals?.[0] ?? 0),
    Number(totals?.[1] ?? 0),
    BigInt(String(totals?.[2] ?? 0)),
  ];
  if (accepted !== ids) faults.push(`${accepted - ids} events are accepted twice`);
  for (const keys of projections) {
    const found = await differing(sql, table, keys);
    if (found > 0) faults.push(`${found} groups by ${keys} differ between aggregate and rows`);
  }
  return { rows, accepted, billedNanos: billed, faults };
}

const plain = 'SETTINGS optimize_use_projections = 0';

/** One set of keys for each projection of the table. */
const projections = [
  'tick, campaign_id, line_item_id, node, type, status',
  'quarter, campaign_id, creative_id, exchange, type, status, reason',
  'quarter, campaign_id, country, device_type, os, type, status',
  'quarter, campaign_id, domain, deal, type, status',
] as const;

async function differing(sql: Sql, table: string, keys: string): Promise<number> {
  const query = `SELECT ${keys}, count(), sum(billed_nanos), sum(value_micros), sum(late) FROM ${table} GROUP BY ${keys} ORDER BY ${keys}`;
  const [fromParts, fromRows] = [await sql.rows(query), await sql.rows(`${query} ${plain}`)];
  const left = new Set(fromParts.map((row) => JSON.stringify(row)));
  const right = new Set(fromRows.map((row) => JSON.stringify(row)));
  return [...right].filter((row) => !left.has(row)).length + [...left].filter((row) => !right.has(row)).length;
}
