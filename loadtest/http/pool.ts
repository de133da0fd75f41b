import type { Clock } from '../../core/clock.ts';
import type { Connection, Origin, Outcome } from './connection.ts';
import { openConnection } from './connection.ts';

export interface PoolOptions {
  readonly origin: Origin;
  readonly maxConnections: number;
  /** Connections beyond this many, opened when answers were late, are closed once they have not been needed for a while. */
  readonly keep: number;
  readonly timeoutMs: number;
}

/** Keep-alive connections to one origin, used in turn so that a server's threads get equal shares. */
export interface HttpPool {
  /**
   * Sends on an idle connection, or on a new one when there may be more; false when all are busy.
   * A request that meets a connection the server has just closed is sent once more, without telling the caller.
   */
  trySend(bytes: Buffer, done: (outcome: Outcome) => void): boolean;
  /** Opens connections until there are `count`; resolves when they are usable or have failed. */
  warm(count: number): Promise<void>;
  /** Whether `trySend` would send. */
  readonly hasRoom: boolean;
  readonly open: number;
  readonly inFlight: number;
  readonly stale: number;
  /** Called when a connection becomes free. */
  onFree: () => void;
  close(): void;
}

/** How often deadlines are looked at, ms: a time-out is noticed at most this much late. */
const SWEEP_MS = 5;
/**
 * How long connections have not been needed when they are closed, ms. Every connection is used in turn, so none of them is
 * ever idle for long: what counts is how many were busy at once.
 */
const SPARE_MS = 10_000;

export function createHttpPool(options: PoolOptions, clock: Clock): HttpPool {
  const connections = new Set<Connection>();
  const idle: Connection[] = [];
  let inFlight = 0;
  let stale = 0;
  let closed = false;

  /** The most requests in flight at once since connections were last closed. */
  let busiest = 0;
  let nextTrimMs = clock.monotonicMs() + SPARE_MS;

  const trim = (): void => {
    const spare = connections.size - Math.max(options.keep, busiest);
    busiest = inFlight;
    for (const connection of idle.slice(0, Math.max(0, spare))) connection.close();
  };
  const sweep = setInterval(() => {
    const now = clock.monotonicMs();
    if (now >= nextTrimMs) {
      nextTrimMs = now + SPARE_MS;
      trim();
    }
    if (inFlight === 0) return;
    for (const connection of connections) if (connection.deadlineMs <= now) connection.giveUp();
  }, SWEEP_MS);
  sweep.unref();

  const open = (settled?: () => void): Connection => {
    const connection = openConnection(
      options.origin,
      () => {
        connection.deadlineMs = Number.POSITIVE_INFINITY;
        if (closed) return connection.close();
        idle.push(connection);
        settled?.();
        pool.onFree();
      },
      () => {
        connections.delete(connection);
        const at = idle.indexOf(connection);
        if (at >= 0) idle.splice(at, 1);
        settled?.();
      },
    );
    connections.add(connection);
    return connection;
  };

  const sendOn = (connection: Connection, bytes: Buffer, deadlineMs: number, done: (outcome: Outcome) => void) => {
    inFlight += 1;
    busiest = Math.max(busiest, inFlight);
    connection.deadlineMs = deadlineMs;
    connection.send(bytes, (outcome) => {
      inFlight -= 1;
      if (outcome.kind === 'fault' && outcome.stale && !closed) {
        stale += 1;
        sendOn(open(), bytes, deadlineMs, done);
        return;
      }
      done(outcome);
      // A closed connection frees a place too.
      if (!closed && !connections.has(connection)) pool.onFree();
    });
  };

  const pool: HttpPool = {
    trySend(bytes, done) {
      if (closed) return false;
      const connection = idle.shift() ?? (connections.size < options.maxConnections ? open() : null);
      if (connection === null) return false;
      sendOn(connection, bytes, clock.monotonicMs() + options.timeoutMs, done);
      return true;
    },
    async warm(count) {
      const wanted = Math.min(count, options.maxConnections) - connections.size;
      const opened = Array.from({ length: Math.max(0, wanted) }, () => new Promise<void>((resolve) => open(resolve)));
      const limit = new Promise<void>((resolve) => setTimeout(resolve, options.timeoutMs).unref());
      await Promise.race([Promise.all(opened), limit]);
    },
    get hasRoom() {
      return !closed && (idle.length > 0 || connections.size < options.maxConnections);
    },
    get open() {
      return connections.size;
    },
    get inFlight() {
      return inFlight;
    },
    get stale() {
      return stale;
    },
    onFree: () => {},
    close() {
      closed = true;
      clearInterval(sweep);
      for (const connection of connections) connection.giveUp();
    },
  };
  return pool;
}
