import { CodedError } from '../../core/errors.ts';
import { within } from '../../core/within.ts';
import type { Sql } from './client.ts';

/** How long `close` waits for statements under way. */
const SETTLE_MS = 8_000;

/**
 * The same, closed only when no statement is under way: the embedded engine crashes the process when it is closed, or
 * the process exits, in the middle of one. New statements are refused from then on.
 */
export function closedWhenSettled(sql: Sql): Sql {
  const underWay = new Set<Promise<void>>();
  let closing = false;

  /** Counts a statement until the function that is returned is called. */
  function begin(): () => void {
    if (closing)
      throw new CodedError('store_unavailable', 'The store is being closed.', 'Nothing: the process is about to end.');
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    underWay.add(ended);
    return () => {
      underWay.delete(ended);
      end();
    };
  }
  async function counted<T>(statement: () => Promise<T>): Promise<T> {
    const end = begin();
    try {
      return await statement();
    } finally {
      end();
    }
  }
  async function* countedStream<T>(open: () => AsyncIterable<T>): AsyncGenerator<T> {
    const end = begin();
    try {
      yield* open();
    } finally {
      end();
    }
  }

  return {
    run: (statement) => counted(() => sql.run(statement)),
    rows: (query, params) => counted(() => sql.rows(query, params)),
    insert: (table, columns, values, token) => counted(() => sql.insert(table, columns, values, token)),
    stream: (query, params) => countedStream(() => sql.stream(query, params)),
    parquet: (query, params) => countedStream(() => sql.parquet(query, params)),
    async close() {
      closing = true;
      await within(SETTLE_MS, Promise.all(underWay));
      await sql.close();
    },
  };
}
