import { setPriority } from 'node:os';

/** 0 is normal, 19 lowest. */
const MAIN_THREAD_NICENESS = 5;

/** Lets the threads that this process has started so far go before its main thread, where threads have priorities. */
export function lowerMainThread(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(process.pid, MAIN_THREAD_NICENESS);
  } catch {
    // Not allowed here: bidding is then as protected as the scheduler makes it.
  }
}
