import { writeEvent } from '../shared/records.ts';
import type { RingWriter } from '../shared/ring.ts';

/** Events whose callers wait until they are durable. */
export interface PendingEvents {
  /**
   * Sends an event to the main thread.
   * @param onDone called once: true when it is durable, false when that failed
   * @returns false when the ring or the table is full: the event was not taken
   */
  append(key: string, json: string, onDone: (durable: boolean) => void): boolean;
  /** The main thread's answer. */
  done(refs: readonly number[], durable: boolean): void;
  readonly size: number;
}

/** @param wake tells the main thread that there is something to read */
export function createPendingEvents(ring: RingWriter, maxPending: number, wake: () => void): PendingEvents {
  const waiting = new Map<number, (durable: boolean) => void>();
  let nextRef = 0;
  return {
    append(key, json, onDone) {
      if (waiting.size >= maxPending) return false;
      const ref = nextRef;
      if (!writeEvent(ring, ref, key, json)) return false;
      nextRef = (nextRef + 1) >>> 0;
      waiting.set(ref, onDone);
      wake();
      return true;
    },
    done(refs, durable) {
      for (const ref of refs) {
        const onDone = waiting.get(ref);
        waiting.delete(ref);
        onDone?.(durable);
      }
    },
    get size() {
      return waiting.size;
    },
  };
}
