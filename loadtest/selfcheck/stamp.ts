import process from 'node:process';
import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import type { HttpResponse } from '../http/response.ts';
import { headerOf } from '../http/response.ts';
import type { RequestTimes } from '../send/book.ts';
import type { LatencyCounts, Recorder } from '../send/recorder.ts';
import { createRecorder, recordMs, takeCounts } from '../send/recorder.ts';
import { createStretches } from './stretches.ts';

/** The header in which the echo of a self-check says when it sent the answer: whole µs of the machine's clock. */
export const STAMP_HEADER = 'x-sent-us';
/** How long other programs have had the echo's core since its start while it was ready to run, µs. */
export const TAKEN_HEADER = 'x-taken-us';

/**
 * What a self-check measures of each request:
 * - `startLate`: from its intended start until the system had its bytes;
 * - `answerLate`: from the echo's stamp, taken just before it wrote the answer, until the sender took the time. This
 *   contains the echo's own write and the way through the system, so it is more than what the sender adds;
 * - `added`: the two together: the part of the reported latency that is not the server's;
 * - `undisturbed`: `added` of the requests that were answered while no other program had the sender's core, or the echo's,
 *   whose stalls come back as bursts of answers: what is left is the sender's own doing;
 * - `without`: the reported latency without `added`: what an observer at the server's socket would report.
 */
export const selfCheckNames = ['startLate', 'answerLate', 'added', 'undisturbed', 'without'] as const;
export type SelfCheckName = (typeof selfCheckNames)[number];
export type SelfCheckCounts = Readonly<Record<SelfCheckName, LatencyCounts>>;

export interface SelfCheckRecorders {
  /** @param kind 0 for the warm-up, 1 for what is measured */
  onTimes(times: RequestTimes, response: HttpResponse, kind: 0 | 1): void;
  /** What was recorded of a kind since the last call. */
  take(kind: 0 | 1): SelfCheckCounts;
}

/** @param taken how long other programs have had the core of the thread that calls `onTimes`, ms, so far */
export function createSelfCheckRecorders(taken: () => number): SelfCheckRecorders {
  const offsetMs = machineOffsetMs(systemClock);
  const newSet = (): Record<SelfCheckName, Recorder> => ({
    startLate: createRecorder(),
    answerLate: createRecorder(),
    added: createRecorder(),
    undisturbed: createRecorder(),
    without: createRecorder(),
  });
  const sets = [newSet(), newSet()] as const;
  const stretches = createStretches(taken);
  return {
    onTimes({ intendedMs, writtenMs, answeredMs }, { head }, kind) {
      const set = sets[kind];
      const sentMs = Number(headerOf(head, STAMP_HEADER)) / 1000 - offsetMs;
      const startMs = writtenMs - intendedMs;
      // A stamp of whole microseconds can lie behind the moment the answer was taken.
      const answerMs = Math.max(0, answeredMs - sentMs);
      recordMs(set.startLate, startMs);
      recordMs(set.answerLate, answerMs);
      recordMs(set.added, startMs + answerMs);
      recordMs(set.without, answeredMs - intendedMs - startMs - answerMs);
      if (stretches.isOver(answeredMs)) {
        stretches.end(answeredMs, Number(headerOf(head, TAKEN_HEADER)) / 1000, set.undisturbed);
      }
      stretches.push(startMs + answerMs);
    },
    take(kind) {
      const { startLate, answerLate, added, undisturbed, without } = sets[kind];
      return {
        startLate: takeCounts(startLate),
        answerLate: takeCounts(answerLate),
        added: takeCounts(added),
        undisturbed: takeCounts(undisturbed),
        without: takeCounts(without),
      };
    },
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
