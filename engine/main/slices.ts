/** Time a slice may take, and how long others have the processor between two, milliseconds. */
const SLICE_MS = 0.4;
const PAUSE_MS = 1;

/**
 * Works through a long list without holding the thread, or the processor that a bid thread may want, for long: in
 * slices of less than half a millisecond while bids wait, all at once before.
 * @param isServing whether somebody waits
 * @param take one item; order is kept
 * @param onSlice after every slice, and at the end
 */
export async function inSlices<T>(
  items: readonly T[],
  isServing: () => boolean,
  nowMs: () => number,
  take: (item: T) => void,
  onSlice: () => void = () => {},
): Promise<void> {
  let untilMs = nowMs() + SLICE_MS;
  for (const item of items) {
    take(item);
    if (!isServing() || nowMs() < untilMs) continue;
    onSlice();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    untilMs = nowMs() + SLICE_MS;
  }
  onSlice();
}
