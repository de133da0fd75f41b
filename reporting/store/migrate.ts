import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../../core/errors.ts';
import { packageRoot } from '../../core/packageroot.ts';
import type { Sql } from './client.ts';

export interface SchemaOptions {
  readonly database: string;
  /** The ClickHouse cluster whose replicas keep the tables, or null for one server. */
  readonly cluster: string | null;
  /** Inserts whose tokens are remembered by a non-replicated server; 0 where nobody can repeat one. */
  readonly deduplicationWindow: number;
}

/** The numbered files, in order. They are found from the package's root, so that built code finds them too. */
export function migrationFiles(): { readonly name: string; readonly sql: string }[] {
  const dir = join(packageRoot(), 'reporting', 'store', 'migrations');
  return readdirSync(dir)
    .filter((name) => /^\d{3}_[a-z_]+\.sql$/.test(name))
    .sort()
    .map((name) => ({ name, sql: readFileSync(join(dir, name), 'utf8') }));
}

/**
 * Brings the schema up to date. Every statement can be repeated, and a file is recorded after all of its statements
 * ran, so a crash in the middle is mended by running it again.
 * @returns names of the files that were applied
 * @throws CodedError `migration_changed` when a file was edited after it had been applied
 */
export async function migrate(sql: Sql, schema: SchemaOptions): Promise<readonly string[]> {
  const { database } = schema;
  await sql.run(`CREATE DATABASE IF NOT EXISTS ${database}${onCluster(schema)}`);
  await sql.run(
    `CREATE TABLE IF NOT EXISTS ${database}.migrations${onCluster(schema)} (name String, checksum String) ENGINE = ${engineOf(schema)} ORDER BY name`,
  );
  const applied = new Map((await sql.rows(`SELECT name, checksum FROM ${database}.migrations`)) as [string, string][]);
  const done: string[] = [];
  for (const file of migrationFiles()) {
    const checksum = createHash('sha256').update(file.sql).digest('hex').slice(0, 16);
    const before = applied.get(file.name);
    if (before === checksum) continue;
    if (before !== undefined) throw changed(file.name);
    for (const statement of statementsOf(file.sql, schema)) await sql.run(statement);
    await sql.insert(`${database}.migrations`, ['name', 'checksum'], [[file.name, checksum]], `migration-${file.name}`);
    done.push(file.name);
  }
  return done;
}

/**
 * The statements of a migration for one schema. `tables` renames tables, for rebuilding one beside the live one.
 */
export function statementsOf(
  text: string,
  schema: SchemaOptions,
  tables: Readonly<Record<string, string>> = {},
): readonly string[] {
  const values: Record<string, string> = {
    database: schema.database,
    events: tables.events ?? 'events',
    bid_stats: tables.bid_stats ?? 'bid_stats',
    engine: engineOf(schema),
    settings: `non_replicated_deduplication_window = ${schema.deduplicationWindow}, replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1`,
  };
  return text
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/^--.*$/gm, '').trim() !== '')
    .map((statement) => statement.replace(/\$\{(\w+)\}/g, (_, name: string) => values[name] ?? ''))
    .map((statement) =>
      statement.replace(/^((?:CREATE TABLE IF NOT EXISTS|ALTER TABLE) \S+)/m, `$1${onCluster(schema)}`),
    );
}

/** `{uuid}` is the same on all replicas because the table is made on all of them at once. */
function engineOf({ cluster }: SchemaOptions): string {
  return cluster === null ? 'MergeTree' : "ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')";
}

/** ` ON CLUSTER name`, or nothing: what follows the name of what is created, altered, exchanged or dropped. */
export function onCluster({ cluster }: SchemaOptions): string {
  return cluster === null ? '' : ` ON CLUSTER '${cluster.replaceAll("'", '')}'`;
}

function changed(name: string): CodedError {
  return new CodedError(
    'migration_changed',
    `Migration ${name} differs from what was applied to this database.`,
    'Restore the file and put the change into a new one.',
  );
}
