import process from 'node:process';
import { systemClock } from '../../core/clock.ts';
import { LOOK_EVERY_MS, nap, napPrecisely } from '../send/nap.ts';
import { createRecorder, takeCounts } from '../send/recorder.ts';
import { createTakenSum } from './corewatch.ts';
import type { Tally } from './excess.ts';
import { addToTally } from './excess.ts';
import type { ControlTask } from './selfcheck.ts';
import { createStretches } from './stretches.ts';

// What the machine adds by itself, in a process of its own: `node control.js TASK`. Keeps the times of a sender and is as busy as
// one, but sends nothing and allocates next to nothing: whatever it is late, no program on this core could have helped.

const { ratePerSecond, seconds, workMs } = JSON.parse(process.argv[2] ?? '{}') as ControlTask;
/** When an answer could be there, after the request. The exact time does not matter: it is looked for when it is due. */
const ANSWER_MS = 0.06;
const WARMUP_MS = 500;

const now = (): number => systemClock.monotonicMs();
const taken = createTakenSum(systemClock);

/** Half a request's work, which a stall does not prolong: what is done is the sender's, what is missed is the machine's. */
function work(): void {
  const untilMs = now() + workMs / 2;
  while (now() < untilMs);
}

function watch(durationMs: number): Tally {
  const into = createRecorder();
  const stretches = createStretches(taken);
  const gapMs = 1000 / ratePerSecond;
  const count = Math.floor(durationMs / gapMs);
  const originMs = now() + 1;
  const lateMs = new Float64Array(count);
  const readyMs = new Float64Array(count);
  let [started, done] = [0, 0];
  while (done < count) {
    for (let dueMs = originMs + started * gapMs; started < count && dueMs <= now(); dueMs += gapMs) {
      lateMs[started] = now() - dueMs;
      work();
      readyMs[started] = now() + ANSWER_MS;
      started += 1;
    }
    for (let atMs = now(); done < started && readyMs[done]! <= atMs; done++) {
      const addedMs = lateMs[done]! + now() - readyMs[done]!;
      work();
      if (stretches.isOver(atMs)) stretches.end(atMs, 0, into);
      stretches.push(addedMs);
    }
    const untilDueMs = started < count ? originMs + started * gapMs - now() : LOOK_EVERY_MS;
    if (untilDueMs > 0) nap(Math.min(untilDueMs, LOOK_EVERY_MS));
  }
  const sum = new Map<number, number>();
  addToTally(sum, takeCounts(into));
  return [...sum];
}

napPrecisely();
watch(WARMUP_MS);
process.send!(watch(seconds * 1000), () => process.disconnect());
