import type { Clock } from '../../core/clock.ts';
import { CodedError } from '../../core/errors.ts';
import type { LoadChild, ServerChild } from './children.ts';

/** What one slice of closed-loop load cost a server. */
export interface Cost {
  /** CPU time of the whole server process per answered request, user and system, microseconds. */
  readonly cpuUs: number;
  /** The same for its busiest thread alone (Linux; 0 elsewhere). */
  readonly busiestThreadUs: number;
  readonly requestsPerSecond: number;
  /** CPU time over wall time: 1 is a whole core. */
  readonly utilisation: number;
  readonly bidShare: number;
  readonly answers: number;
  /** JavaScript heap allocated up to the last collection, bytes: of all threads, and of those that bid. */
  readonly allocatedBytes: number;
  readonly workerBytes: number;
}

/** Measures a server that is under load already, for `sliceMs`. */
export async function measureSlice(server: ServerChild, load: LoadChild, sliceMs: number, clock: Clock): Promise<Cost> {
  const startMs = clock.monotonicMs();
  const before = await readAll(server, load);
  await sleep(sliceMs);
  const after = await readAll(server, load);
  const wallUs = (clock.monotonicMs() - startMs) * 1000;
  const answers = after.totals.answers - before.totals.answers;
  if (answers === 0) throw new CodedError('bench.no_answers', 'The server answered nothing.', 'See its own messages.');
  if (after.totals.others !== before.totals.others) {
    const count = after.totals.others - before.totals.others;
    throw new CodedError(
      'bench.errors',
      `${count} answers were neither 200 nor 204.`,
      'A cost of errors means nothing.',
    );
  }
  const cpuUs = after.usage.userUs + after.usage.systemUs - before.usage.userUs - before.usage.systemUs;
  let busiestNs = 0;
  for (const [tid, ranNs] of after.threads) busiestNs = Math.max(busiestNs, ranNs - (before.threads.get(tid) ?? 0));
  return {
    cpuUs: cpuUs / answers,
    busiestThreadUs: busiestNs / 1000 / answers,
    requestsPerSecond: (answers / wallUs) * 1e6,
    utilisation: cpuUs / wallUs,
    bidShare: (after.totals.bids - before.totals.bids) / answers,
    answers,
    allocatedBytes: after.gc.allocatedBytes - before.gc.allocatedBytes,
    workerBytes: after.gc.workerBytes - before.gc.workerBytes,
  };
}

async function readAll(server: ServerChild, load: LoadChild) {
  const [totals, usage] = await Promise.all([load.totals(), server.usage()]);
  return { totals, usage, threads: server.threads(), gc: server.gc.totals() };
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
