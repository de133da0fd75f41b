import { createReadStream, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ClickHouseClient, ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client';
import { Session } from 'chdb';
import { createChdbConnection } from 'chdb/connection';
import { CodedError, messageOf } from '../../core/errors.ts';
import { closedWhenSettled } from './settled.ts';

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
  /** The same in chunks, in bounded memory; leaving early cancels. */
  stream(query: string, params?: Readonly<Record<string, unknown>>): AsyncIterable<unknown[][]>;
  /** A query's result as the bytes of a Parquet file; leaving early cancels. */
  parquet(query: string, params?: Readonly<Record<string, unknown>>): AsyncIterable<Uint8Array>;
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
  // A report with millions of groups goes to disk instead of the memory that bidding needs.
  max_bytes_before_external_group_by: '268435456',
  max_bytes_before_external_sort: '268435456',
};

/**
 * The embedded engine's pools. By default it keeps up to a thousand idle threads, each with files of /proc open, and
 * loads marks and reads parts with dozens at once; one that runs at most four statements needs far fewer.
 */
const engineArguments = [
  '--max_thread_pool_free_size=8',
  '--load_marks_threadpool_pool_size=4',
  '--threadpool_local_fs_reader_pool_size=4',
  '--max_active_parts_loading_thread_pool_size=4',
  '--max_outdated_parts_loading_thread_pool_size=4',
];

/** Opens chDB on a directory. Only one process may have it open, and only one directory per process. */
export async function openEmbeddedSql(dir: string, maxThreads = 1): Promise<Sql> {
  mkdirSync(dir, { recursive: true });
  // The first session starts the engine, and it alone can be given arguments.
  const engine = attempt(() => new Session(dir, { connectionArgs: engineArguments }));
  const connection = attempt(() => createChdbConnection({ path: dir }));
  // The hook's types differ between the two packages only in private members.
  const client = createClient({ connection, log: { level: ClickHouseLogLevel.OFF } } as unknown as Parameters<
    typeof createClient
  >[0]);
  // Settings stay set on a chDB session, so they are set once and never given to a statement.
  const settings = Object.entries({ ...always, max_threads: maxThreads, max_insert_threads: 1 }).map(
    ([name, value]) => `SET ${name} = ${value}`,
  );
  for (const query of settings) await client.command({ query });
  const sql = {
    ...statementsOn(client, {}),
    ...embeddedStreams(client, dir, settings),
    close: async () => {
      await client.close();
      engine.close();
    },
  };
  return closedWhenSettled(sql, () => stopStatements(dir));
}

/** Stops every statement of the embedded engine, from a session of its own. */
async function stopStatements(dir: string): Promise<void> {
  const session = new Session(dir);
  try {
    await session.queryAsync("KILL QUERY WHERE query NOT LIKE 'KILL QUERY%' ASYNC");
  } finally {
    session.close();
  }
}

/**
 * Settings of every statement on a server. With replicas a block counts as written when most of them have it, and a
 * replica that lacks such a block refuses to answer: what ingest reads as its position is never older than what was
 * acknowledged, whichever replica answers. Such refusals are repeated.
 */
export function serverSettings(replicated: boolean): ClickHouseSettings {
  return {
    ...always,
    insert_deduplicate: 1,
    wait_end_of_query: 1,
    ...(replicated
      ? {
          insert_quorum: 'auto',
          insert_quorum_parallel: 0,
          insert_quorum_timeout: 20_000,
          select_sequential_consistency: '1',
        }
      : {}),
  };
}

/** Connects to a ClickHouse server. Nothing is sent before the first statement. */
export function openServerSql(
  config: ServerConfig,
  tables: { readonly replicated: boolean } = { replicated: false },
): Sql {
  const client = createClient({
    url: config.url,
    ...(config.username === undefined ? {} : { username: config.username }),
    ...(config.password === undefined ? {} : { password: config.password }),
    request_timeout: config.timeoutMs ?? 30_000,
    compression: { request: true, response: true },
    // What goes wrong is thrown, and logged where it is handled.
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: serverSettings(tables.replicated),
  });
  return { ...statementsOn(client, { tokens: true }), ...serverStreams(client), close: () => client.close() };
}

const format = 'JSONCompactEachRow' as const;

function statementsOn(
  client: ClickHouseClient,
  options: { readonly tokens?: boolean },
): Pick<Sql, 'run' | 'rows' | 'insert'> {
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
  };
}

type Streams = Pick<Sql, 'stream' | 'parquet'>;

/** A server keeps the whole answer on its disk before it sends it, so that a failure is an error and not a short file. */
function serverStreams(client: ClickHouseClient): Streams {
  return {
    async *stream(query, params = {}) {
      const abort = new AbortController();
      const asked = { query, format, query_params: { ...params }, abort_signal: abort.signal } as const;
      const result = await guarded(() => client.query(asked));
      try {
        for await (const chunk of result.stream()) yield chunk.map((row) => row.json() as unknown[]);
      } catch (error) {
        throw storeError(error);
      } finally {
        abort.abort();
      }
    },
    async *parquet(query, params = {}) {
      const abort = new AbortController();
      const asked = { query: `${query}\nFORMAT Parquet`, query_params: { ...params }, abort_signal: abort.signal };
      const { stream } = await guarded(() => client.exec(asked));
      try {
        for await (const chunk of stream) yield chunk as Uint8Array;
      } catch (error) {
        throw storeError(error);
      } finally {
        abort.abort();
      }
    },
  };
}

/** Exports that may run at once in the embedded engine. */
const MAX_EMBEDDED_STREAMS = 8;

/**
 * The client would hold a whole answer in memory. A session of its own streams it, one stream per session. Parquet ends
 * with an index of what it holds, so it is written to a file first, which is removed when it has been read.
 */
function embeddedStreams(client: ClickHouseClient, dir: string, settings: readonly string[]): Streams {
  const exports = resolve(join(dir, 'exports'));
  rmSync(exports, { recursive: true, force: true });
  let running = 0;
  let made = 0;
  const counted = async function* <T>(work: () => AsyncIterable<T>): AsyncIterable<T> {
    if (running >= MAX_EMBEDDED_STREAMS) throw tooManyStreams();
    running += 1;
    try {
      yield* work();
    } catch (error) {
      throw storeError(error);
    } finally {
      running -= 1;
    }
  };
  return {
    stream: (query, params = {}) =>
      counted(async function* () {
        const session = new Session(dir);
        try {
          for (const statement of settings) await session.queryAsync(statement);
          const stream = session.queryStreamBind(query, { ...params }, { format });
          for await (const chunk of stream) yield linesOf(chunk.text());
        } finally {
          session.close();
        }
      }),
    parquet: (query, params = {}) =>
      counted(async function* () {
        mkdirSync(exports, { recursive: true });
        const path = join(exports, `${made++}.parquet`);
        try {
          const file = `INSERT INTO FUNCTION file('${path.replaceAll("'", "''")}', 'Parquet')`;
          await client.command({ query: `${file}\n${query}`, query_params: { ...params } });
          yield* createReadStream(path, { highWaterMark: 262_144 }) as AsyncIterable<Uint8Array>;
        } finally {
          rmSync(path, { force: true });
        }
      }),
  };
}

function linesOf(text: string): unknown[][] {
  const lines = text.endsWith('\n') ? text.slice(0, -1) : text;
  return lines === '' ? [] : (JSON.parse(`[${lines.replaceAll('\n', ',')}]`) as unknown[][]);
}

function tooManyStreams(): CodedError {
  return new CodedError(
    'store_busy',
    `${MAX_EMBEDDED_STREAMS} exports are running.`,
    'Try again when one of them has ended.',
  );
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
  const code = codeOfClickHouse(error);
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

/** The client puts the number into `code`; a chDB stream only says it. */
function codeOfClickHouse(error: unknown): unknown {
  return /^Code: (\d+)\./.exec(messageOf(error))?.[1] ?? (error as { code?: unknown }).code;
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
  '286',
  '289',
  '319',
  '425',
  '439',
  '999',
]);
