import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbeddedSql, type Sql, serverSettings } from './client.ts';
import { migrate, migrationFiles, type SchemaOptions, statementsOf } from './migrate.ts';
import { startRebuild } from './rebuild.ts';

const dir = mkdtempSync(join(tmpdir(), 'evenkeel-cluster-'));
let chdb: Sql;
beforeAll(async () => {
  chdb = await openEmbeddedSql(dir);
});
afterAll(async () => {
  await chdb.close();
  rmSync(dir, { recursive: true, force: true });
});

const schema: SchemaOptions = { database: 'ads', cluster: 'main', deduplicationWindow: 10_000 };

/** Takes statements down instead of running them: there is no cluster here. */
function recorder(): { readonly sql: Sql; readonly said: string[] } {
  const said: string[] = [];
  const sql: Sql = {
    run: async (statement) => void said.push(statement),
    rows: async () => [],
    stream: async function* () {},
    parquet: async function* () {},
    insert: async () => {},
    close: async () => {},
  };
  return { sql, said };
}

describe('on a ClickHouse cluster', () => {
  it('makes and changes every table on all replicas, replicated under an id that no other table ever has', async () => {
    const { sql, said } = recorder();
    await migrate(sql, schema);
    expect(said.length).toBeGreaterThan(4);
    for (const statement of said) expect(statement).toMatch(/ ON CLUSTER 'main'(\s|$)/);
    const tables = said.filter((statement) => statement.includes('CREATE TABLE'));
    expect(tables.length).toBe(6);
    for (const table of tables) {
      expect(table).toContain("ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')");
    }
    expect(tables.filter((table) => table.includes('replicated_deduplication_window = 10000')).length).toBe(5);
  });

  it('rebuilds and swaps on all replicas', async () => {
    const { sql, said } = recorder();
    const rebuild = await startRebuild(sql, schema, () => {
      throw new Error('not asked for');
    }).catch(() => null);
    expect(rebuild).toBeNull();
    expect(said[0]).toBe("DROP TABLE IF EXISTS ads.events_rebuilt ON CLUSTER 'main' SYNC");
    expect(said.slice(1).every((statement) => statement.includes("ads.events_rebuilt ON CLUSTER 'main'"))).toBe(true);
  });

  it('says nothing that ClickHouse cannot parse', async () => {
    const { sql, said } = recorder();
    await migrate(sql, schema);
    said.push("EXCHANGE TABLES ads.events AND ads.events_rebuilt ON CLUSTER 'main'");
    for (const statement of said) {
      expect((await chdb.rows(`EXPLAIN AST ${statement}`)).length, statement.slice(0, 60)).toBeGreaterThan(0);
    }
    await expect(chdb.rows('EXPLAIN AST CREATE TABLE ads.events ON KLUSTER x (a Int8)')).rejects.toMatchObject({
      code: 'store_refused',
    });
  });

  it('knows the settings it asks for, and asks one server for none of them', async () => {
    const { async_insert: _, ...replicated } = serverSettings(true);
    const names = Object.keys(replicated);
    expect(names).toEqual(expect.arrayContaining(['insert_quorum', 'select_sequential_consistency']));
    const known = await chdb.rows('SELECT name FROM system.settings');
    expect(names.filter((name) => !known.some(([each]) => each === name) && name !== 'wait_end_of_query')).toEqual([]);
    expect(serverSettings(false)).not.toHaveProperty('insert_quorum');
  });

  it('leaves one server as it was', () => {
    const alone: SchemaOptions = { ...schema, cluster: null };
    for (const { sql } of migrationFiles()) {
      for (const statement of statementsOf(sql, alone))
        expect(statement).not.toMatch(/CLUSTER|Replicated|undefined|\$\{/);
    }
  });
});
