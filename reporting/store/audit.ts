import type { Sql } from './client.ts';
import { cubes, reachCubes } from './cubes.ts';
import type { ReportTables } from './reportparts.ts';
import type { RolledDay } from './rollup.ts';
import type { Audit } from './store.ts';

/**
 * Checks a table of events against itself: one row per (partition, offset), offsets without gaps, no event id accepted
 * twice, and each aggregate projection and each day's sums equal to the rows they stand for.
 */
export async function audit(
  sql: Sql,
  { events: table, rollups }: Pick<ReportTables, 'events' | 'rollups'>,
  rolled: readonly RolledDay[],
): Promise<Audit> {
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
  faults.push(...(await wrongSums(sql, table, rollups, rolled)));
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

/** Days whose sums differ from their rows, by campaign where a cube knows it, as faults. */
async function wrongSums(
  sql: Sql,
  table: string,
  rollups: string,
  rolled: readonly RolledDay[],
): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const { day, build } of rolled) {
    const rowsBy = (key: string) =>
      sql.rows(
        `SELECT ${key} AS k, count(), sum(billed_nanos), countIf(type = 'impression' AND status = 'accepted') FROM ${table} WHERE block_day = {day:Date} GROUP BY k ORDER BY k ${plain}`,
        { day },
      );
    const rows = { campaign_id: await rowsBy('campaign_id'), '0': await rowsBy('0') };
    for (const { name, keys } of [...cubes, ...reachCubes]) {
      const key = keys.includes('campaign_id') ? 'campaign_id' : '0';
      const sums = await sql.rows(
        `SELECT ${key} AS k, sum(received), sum(spend_nanos), sum(impressions) FROM ${rollups} WHERE block_day = {day:Date} AND build = ${build} AND cube = '${name}' GROUP BY k ORDER BY k`,
        { day },
      );
      const people = reachCubes.some((cube) => cube.name === name);
      const same = (row: unknown[], i: number): boolean =>
        people
          ? Number(row[3]) === 0 || sums.some((sum) => sum[0] === row[0] && sum[3] === row[3])
          : JSON.stringify(row) === JSON.stringify(sums[i]);
      if (!rows[key].every(same)) faults.push(`the sums of ${day} by ${name} differ from its rows`);
    }
  }
  return faults;
}

async function differing(sql: Sql, table: string, keys: string): Promise<number> {
  const query = `SELECT ${keys}, count(), sum(billed_nanos), sum(value_micros), sum(late) FROM ${table} GROUP BY ${keys} ORDER BY ${keys}`;
  const [fromParts, fromRows] = [await sql.rows(query), await sql.rows(`${query} ${plain}`)];
  const left = new Set(fromParts.map((row) => JSON.stringify(row)));
  const right = new Set(fromRows.map((row) => JSON.stringify(row)));
  return [...right].filter((row) => !left.has(row)).length + [...left].filter((row) => !right.has(row)).length;
}
