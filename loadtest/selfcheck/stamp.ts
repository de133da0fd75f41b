import process from 'node:process';
import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import type { HttpResponse } from '../http/response.ts';
import { headerOf } from '../http/response.ts';
import type { LatencyCounts } from '../send/recorder.ts';
import { createRecorder } from '../send/recorder.ts';
import type { RequestTimes } from '../send/sender.ts';

/** The header in which the echo of a self-check says when it sent the answer: whole µs of the machine's clock. */
export const STAMP_HEADER = 'x-sent-us';

/**
 * What a self-check measures of each request:
 * - `startLate`: from its intended start until the system had its bytes;
 * - `answerLate`: from the echo's stamp, taken just before it wrote the answer, until the sender took the time. This
 *   contains the echo's own write and the way through the system, so it is more than what the sender adds;
 * - `added`: the two together: the part of the reported latency that is not the server's;
 * - `worstOf100`: the largest `added` of each hundred requests in turn. Its median is what p99 of `added` would be if
 *   nothing else ever took the sender's core: something else does that for milliseconds, and so to few of the hundreds;
 * - `without`: the reported latency without `added`: what an observer at the server's socket would report.
 */
export const selfCheckNames = ['startLate', 'answerLate', 'added', 'worstOf100', 'without'] as const;
export type SelfCheckName = (typeof selfCheckNames)[number];
export type SelfCheckCounts = Readonly<Record<SelfCheckName, LatencyCounts>>;

export interface SelfCheckRecorders {
  onTimes(times: RequestTimes, response: HttpResponse): void;
  /** What was recorded since the last call. */
  take(): SelfCheckCounts;
}

export function createSelfCheckRecorders(): SelfCheckRecorders {
  const offsetMs = machineOffsetMs(systemClock);
  const startLate = createRecorder();
  const answerLate = createRecorder();
  const added = createRecorder();
  const worstOf100 = createRecorder();
  const without = createRecorder();
  let count = 0;
  let worstMs = 0;
  return {
    onTimes({ intendedMs, writtenMs, answeredMs }, response) {
      const sentMs = Number(headerOf(response.head, STAMP_HEADER)) / 1000 - offsetMs;
      const startMs = writtenMs - intendedMs;
      // A stamp of whole microseconds can lie behind the moment the answer was taken.
      const answerMs = Math.max(0, answeredMs - sentMs);
      startLate.recordMs(startMs);
      answerLate.recordMs(answerMs);
      added.recordMs(startMs + answerMs);
      worstMs = Math.max(worstMs, startMs + answerMs);
      count += 1;
      if (count === 100) {
        worstOf100.recordMs(worstMs);
        count = 0;
        worstMs = 0;
      }
      without.recordMs(answeredMs - intendedMs - startMs - answerMs);
    },
    take: () => ({
      startLate: startLate.take(),
      answerLate: answerLate.take(),
      added: added.take(),
      worstOf100: worstOf100.take(),
      without: without.take(),
    }),
  };
}

/**
 * What must be added to a thread's monotonic time to get the machine's, which all its processes share (CLOCK_MONOTONIC):
 * the nearest of several readings, to about a microsecond.
 */
export function machineOffsetMs(clock: Clock): number {
  let least = Number.POSITIVE_INFINITY;
  let offsetMs = 0;
  for (let i = 0; i < 100; i++) {
    const before = clock.monotonicMs();
    const machineMs = Number(process.hrtime.bigint()) / 1e6;
    const after = clock.monotonicMs();
    if (after - before >= least) continue;
    least = after - before;
    offsetMs = machineMs - (before + after) / 2;
  }
  return offsetMs;
}
