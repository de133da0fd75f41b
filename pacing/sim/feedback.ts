/** Things that happen later, by the second. Times never go back. */
export interface Later<T> {
  add(atMs: number, what: T): void;
  /** Everything due by now, in order of seconds. */
  take(nowMs: number): T[];
}

export function createLater<T>(startMs: number): Later<T> {
  const slots: (T[] | undefined)[] = [];
  let next = 0;
  return {
    add(atMs, what) {
      const slot = Math.max(next, Math.ceil((atMs - startMs) / 1000));
      const list = slots[slot];
      if (list === undefined) slots[slot] = [what];
      else list.push(what);
    },
    take(nowMs) {
      const until = Math.floor((nowMs - startMs) / 1000);
      const due: T[] = [];
      for (; next <= until; next++) {
        const list = slots[next];
        if (list === undefined) continue;
        for (const one of list) due.push(one);
        slots[next] = undefined;
      }
      return due;
    },
  };
}
