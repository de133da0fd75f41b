/** Things that happen later, by the second. Times never go back. */
export interface Later<T> {
  add(atMs: number, what: T): void;
  /** The next thing that is due by now, in order of seconds and, within one, of adding; undefined when there is none. */
  next(nowMs: number): T | undefined;
}

/** Keys are second × this + number of the thing: both stay exact below 2^53 (half a year, 500 million things). */
const PER_SECOND = 2 ** 29;

/** A binary heap: few things are under way at a time, and nothing is allocated for one. */
export function createLater<T>(startMs: number): Later<T> {
  let keys = new Float64Array(64);
  const items: (T | undefined)[] = [];
  let size = 0;
  let added = 0;
  /** Seconds before this one were taken: what is added for them is due at it. */
  let open = 0;

  function up(from: number, key: number, item: T): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (keys[parent]! < key) break;
      keys[at] = keys[parent]!;
      items[at] = items[parent];
      at = parent;
    }
    keys[at] = key;
    items[at] = item;
  }

  function removeFirst(): void {
    size--;
    const key = keys[size]!;
    const item = items[size];
    items[size] = undefined;
    if (size === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= key) break;
      keys[at] = keys[child]!;
      items[at] = items[child];
      at = child;
    }
    keys[at] = key;
    items[at] = item;
  }

  return {
    add(atMs, what) {
      const second = Math.max(open, Math.ceil((atMs - startMs) / 1000));
      if (size === keys.length) {
        const wider = new Float64Array(2 * size);
        wider.set(keys);
        keys = wider;
      }
      up(size++, second * PER_SECOND + added++, what);
    },
    next(nowMs) {
      const until = Math.floor((nowMs - startMs) / 1000) + 1;
      if (size > 0 && keys[0]! < until * PER_SECOND) {
        const first = items[0];
        removeFirst();
        return first;
      }
      if (until > open) open = until;
      return undefined;
    },
  };
}
