import { CodedError } from '../../core/errors.ts';
import { within } from '../../core/within.ts';
import type { Sql } from './client.ts';

/** How long `close` lets statements under way end by themselves, and how long it waits after it has stopped them. */
const SETTLE_MS = 1_500;
const ABORT_MS = 5_000;
const ABORT_EVERY_MS = 250;

/**
 * The same, closed only when no statement is under way: the embedded engine crashes or hangs the process when it is
 * closed, or the process exits, in the middle of one. New statements are refused from then on, and what does not end
 * soon is stopped; an insert is then there as a whole or not at all.
 * @param abort stops all statements under way
 * @throws CodedError `store_unsettled` by `close`, when a statement could not be stopped: the process must be killed
 */
export function closedWhenSettled(sql: Sql, abort: () => Promise<void>): Sql {
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

  /** The engine runs one statement of a connection at a time: when one is stopped, the next of those that wait begins. */
  async function abortAll(): Promise<void> {
    for (let tries = 0; underWay.size > 0 && tries * ABORT_EVERY_MS < ABORT_MS; tries++) {
      await abort().catch(() => {});
      await within(ABORT_EVERY_MS, Promise.all(underWay));
    }
    await Promise.all(underWay);
  }

  return {
    run: (statement) => counted(() => sql.run(statement)),
    rows: (query, params) => counted(() => sql.rows(query, params)),
    insert: (table, columns, values, token) => counted(() => sql.insert(table, columns, values, token)),
    stream: (query, params) => countedStream(() => sql.stream(query, params)),
    parquet: (query, params) => countedStream(() => sql.parquet(query, params)),
    async close() {
      closing = true;
      if (!(await within(SETTLE_MS, Promise.all(underWay)))) {
        if (!(await within(ABORT_MS, abortAll()))) throw unsettled(underWay.size);
      }
      await sql.close();
    },
  };
}

function unsettled(statements: number): CodedError {
  return new CodedError(
    'store_unsettled',
    `The embedded ClickHouse did not stop what it does in time (statements under way: ${statements}).`,
    'Nothing: the process ends without them, and the next one goes on from what is in the store.',
  );
}
