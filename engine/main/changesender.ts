import type { CatalogChange } from '../catalog/catalog.ts';

/** Campaign changes on their way to one bid thread. */
export interface ChangeSender {
  add(updates: readonly CatalogChange[]): void;
  /** The thread has applied so many more. */
  applied(count: number): void;
  /** Resolves when everything added so far has been applied. */
  settled(): Promise<void>;
}

/**
 * A thread reads a message as a whole, and all that wait at once: so one that serves gets few changes at a time, and the
 * next ones when it has applied those. A reload of everything then costs requests a fraction of a millisecond.
 */
const SERVING = { perMessage: 8, inFlight: 16 };
const UNREADY = { perMessage: 500, inFlight: Infinity };

/** @param isServing whether requests may wait for the thread */
export function createChangeSender(
  send: (updates: readonly CatalogChange[]) => void,
  isServing: () => boolean,
): ChangeSender {
  let queue: CatalogChange[] = [];
  let sent = 0;
  let inFlight = 0;
  let waiting: (() => void)[] = [];

  function pump(): void {
    const { perMessage, inFlight: most } = isServing() ? SERVING : UNREADY;
    while (sent < queue.length && inFlight + perMessage <= most) {
      const updates = queue.slice(sent, sent + perMessage);
      sent += updates.length;
      inFlight += updates.length;
      send(updates);
    }
    if (sent < queue.length) return;
    queue = [];
    sent = 0;
    if (inFlight > 0) return;
    const done = waiting;
    waiting = [];
    for (const resolve of done) resolve();
  }

  return {
    add(updates) {
      for (const update of updates) queue.push(update);
      pump();
    },
    applied(count) {
      inFlight -= count;
      pump();
    },
    settled: () =>
      queue.length === 0 && inFlight === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve)),
  };
}
