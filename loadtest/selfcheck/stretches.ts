import type { Recorder } from '../send/recorder.ts';
import { recordMs } from '../send/recorder.ts';

/** Whether the cores were their own is decided for stretches of this length, ms. */
const STRETCH_MS = 20;
/** A stretch is disturbed when other programs had one of the cores for longer than this in it, ms. */
const DISTURBED_MS = 0.1;

/** Puts by what was measured until it is known whether other programs had the cores meanwhile, and then keeps it or not. */
export interface Stretches {
  isOver(atMs: number): boolean;
  /**
   * Keeps the stretch in `into` when it was undisturbed, and begins the next.
   * @param elsewhereMs how long other programs have had the core of the other side so far
   */
  end(atMs: number, elsewhereMs: number, into: Recorder): void;
  push(ms: number): void;
}

/** @param taken how long other programs have had the core of the calling thread so far, ms */
export function createStretches(taken: () => number): Stretches {
  let measured: number[] = [];
  let endMs = 0;
  let [takenMs, elsewhereBeforeMs] = [taken(), 0];
  // What a disturbance held up is made good afterwards: the stretch that follows one does not count either.
  let wasDisturbed = true;
  return {
    isOver: (atMs) => atMs >= endMs,
    end(atMs, elsewhereMs, into) {
      const takenNowMs = taken();
      const isDisturbed = Math.max(takenNowMs - takenMs, elsewhereMs - elsewhereBeforeMs) > DISTURBED_MS;
      if (!isDisturbed && !wasDisturbed) for (const ms of measured) recordMs(into, ms);
      wasDisturbed = isDisturbed;
      takenMs = takenNowMs;
      elsewhereBeforeMs = elsewhereMs;
      measured = [];
      endMs = atMs + STRETCH_MS;
    },
    push(ms) {
      measured.push(ms);
    },
  };
}
