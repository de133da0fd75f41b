import { mkdirSync } from 'node:fs';
import { type ClickHouseClient, ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client';
import { createChdbConnection } from 'chdb/connection';
import { CodedError, messageOf } from '../../core/errors.ts';

export interface ServerConfig {
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** How long one request may take, milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
}

/** Runs SQL, on a server or in this process. Errors are `CodedError`s. */
export interface Sql {
  /** Runs a statement that returns nothing. */
  run(statement: string): Promise<void>;
  /** All rows of a query, as arrays of columns; 64-bit integers come as strings. */
  rows(query: string, params?: Readonly<Record<string, unknown>>): Promise<unknown[][]>;
  /** The same in chunks; leaving early cancels. */
  stream(query: string, params?: Readonly<Record<string, unknown>>): AsyncIterable<unknown[][]>;
  insert(table: string, columns: readonly string[], values: readonly unknown[][], token: string): Promise<void>;
  close(): Promise<void>;
}

/** What every statement runs with. One thread: a report may never take the core that bidding needs. */
const always: ClickHouseSettings = {
  async_insert: 0,
  output_format_json_quote_64bit_integers: 1,
  max_insert_block_size: '10000000',
  min_insert_block_size_rows: '10000000',
  min_insert_block_size_bytes: '0',
};

/** Opens chDB on a directory. Only one process may have it open, and only one directory per process. */
export async function openEmbeddedSql(dir: string, maxThreads = 1): Promise<Sql> {
  mkdirSync(dir, { recursive: true });
  const connection = attempt(() => createChdbConnection({ path: dir }));
  // The hook's types differ between the two packages only in private members.
  const client = createClient({ connection, log: { level: ClickHouseLogLevel.OFF } } as unknown as Parameters<
    typeof createClient
  >[0]);
  // Settings stay set on a chDB session, so they are set once and never given to a statement.
  for (const [name, value] of Object.entries({ ...always, max_threads: maxThreads, max_insert_threads: 1 })) {
    await client.command({ query: `SET ${name} = ${value}` });
  }
  return sqlOn(client, {});
}

/** Connects to a ClickHouse server. Nothing is sent before the first statement. */
export function openServerSql(config: ServerConfig): Sql {
  const client = createClient({
    url: config.url,
    ...(config.username === undefined ? {} : { username: config.username }),
    ...(config.password === undefined ? {} : { password: config.password }),
    request_timeout: config.timeoutMs ?? 30_000,
    compression: { request: true, response: true },
    // What goes wrong is thrown, and logged where it is handled.
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: { ...always, insert_deduplicate: 1, wait_end_of_query: 1 },
  });
  return sqlOn(client, { tokens: true });
}

function sqlOn(client: ClickHouseClient, options: { readonly tokens?: boolean }): Sql {
  const format = 'JSONCompactEachRow' as const;
  return {
    async run(statement) {
      await guarded(() => client.command({ query: statement }));
    },
    async rows(query, params = {}) {
      return guarded(async () => {
        const result = await client.query({ query, format, query_params: { ...params } });
        return (await result.json()) as unknown[][];
      });
    },
    async *stream(query, params = {}) {
      const abort = new AbortController();
      const result = await guarded(() =>
        client.query({ query, format, query_params: { ...params }, abort_signal: abort.signal }),
      );
      try {
        for await (const chunk of result.stream()) yield chunk.map((row) => row.json() as unknown[]);
      } catch (error) {
        throw storeError(error);
      } finally {
        abort.abort();
      }
    },
    async insert(table, columns, values, token) {
      await guarded(() =>
        client.insert({
          table,
          columns: columns as [string, ...string[]],
          values,
          format,
          ...(options.tokens === true ? { clickhouse_settings: { insert_deduplication_token: token } } : {}),
        }),
      );
    },
    close: () => client.close(),
  };
}

async function guarded<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw storeError(error);
  }
}

function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new CodedError(
      'store_locked',
      `The embedded ClickHouse could not open its directory: ${messageOf(error)}.`,
      'Stop the other process that uses this data directory.',
      error,
    );
  }
}

/** ClickHouse answers a wrong statement with a numbered code; anything else means we do not know what happened. */
function storeError(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && (code === '516' || code === '192' || code === '193')) {
    return new CodedError(
      'store_denied',
      `ClickHouse refused the login: ${messageOf(error)}`,
      'Check user name and password of CLICKHOUSE_URL.',
      error,
    );
  }
  if (typeof code === 'string' && /^\d+$/.test(code) && !retryable.has(code)) {
    return new CodedError(
      'store_refused',
      `ClickHouse refused a statement (${code}): ${messageOf(error)}`,
      'Run the migrations; if it stays, report it with this message.',
      error,
    );
  }
  return new CodedError(
    'store_unavailable',
    `ClickHouse did not answer: ${messageOf(error)}`,
    'Check that it runs and is reachable; ingest continues by itself when it is back.',
    error,
  );
}

/** Codes of ClickHouse that pass: time-outs, memory, too many parts, read-only replicas, keeper and network trouble. */
const retryable = new Set([
  '159',
  '160',
  '202',
  '209',
  '210',
  '225',
  '236',
  '241',
  '242',
  '243',
  '252',
  '285',
  '319',
  '425',
  '439',
  '999',
]);
