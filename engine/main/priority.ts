import { setPriority } from 'node:os';
import { setFlagsFromString } from 'node:v8';

/** 0 is normal, 19 lowest. */
const MAIN_THREAD_NICENESS = 5;

/**
 * Lets every thread of this process collect its own young garbage, without the helper threads that V8 shares it out to:
 * they have the priority of a bid thread, and the main thread, whose reservations mostly survive, keeps them busy for tens
 * of milliseconds (docs/decisions/082). Works at any time.
 */
export function collectWithoutHelpers(): void {
  setFlagsFromString('--no-parallel-scavenge');
}

/** Lets the threads that this process has started so far go before its main thread, where threads have priorities. */
export function lowerMainThread(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(process.pid, MAIN_THREAD_NICENESS);
  } catch {
    // Not allowed here: bidding is then as protected as the scheduler makes it.
  }
}
