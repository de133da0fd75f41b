import { readlinkSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * How long a precise sender sleeps at most between two looks at its sockets while there are answers to come, ms: an answer
 * waits for the next look. Each look costs some microseconds and 400 bytes of garbage.
 */
export const LOOK_EVERY_MS = 0.05;

const cell = new Int32Array(new SharedArrayBuffer(4));

/**
 * Sleeps without looking at any socket, for some hundredths of a millisecond more than `ms`: node's own timers know whole
 * milliseconds only. It does not wait at its clock: who never sleeps is made to by the system, for ticks of milliseconds,
 * as soon as another program wants the core.
 */
export function nap(ms: number): void {
  Atomics.wait(cell, 0, 0, ms);
}

/** Asks Linux to end this thread's naps to the microsecond; by itself it takes 50 µs more where that saves a wake-up. */
export function napPrecisely(): void {
  try {
    const thread = basename(readlinkSync('/proc/thread-self'));
    writeFileSync(`/proc/${thread}/timerslack_ns`, '1000');
  } catch {
    // Another system, or not permitted: naps are a little longer.
  }
}
