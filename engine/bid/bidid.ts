/**
 * Makes ids of bids, three words each: the node; the thread in 8 bits and the second in 24; a counter. They are written as
 * 24 hex digits.
 */
export function createBidIds(incarnation: number, thread: number): (nowMs: number, into: Uint32Array) => void {
  let counter = 0;
  return (nowMs, into) => {
    counter = (counter + 1) >>> 0;
    into[0] = incarnation;
    into[1] = ((thread & 0xff) << 24) | (Math.floor(nowMs / 1000) & 0xffffff);
    into[2] = counter;
  };
}
