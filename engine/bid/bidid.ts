import { hexBytes } from '../../core/hex.ts';

/** Makes ids of bids: 4 bytes of the node, 1 of the thread, 3 of the second, 4 of a counter, in hex. */
export function createBidIds(incarnation: number, thread: number): (nowMs: number) => string {
  const node = incarnation.toString(16).padStart(8, '0');
  const threadHex = (thread & 0xff).toString(16).padStart(2, '0');
  let second = -1;
  let high = -1;
  let prefix = '';
  let counter = 0;
  return (nowMs) => {
    const now = Math.floor(nowMs / 1000) & 0xffffff;
    counter = (counter + 1) >>> 0;
    if (now !== second || counter >>> 8 !== high) {
      second = now;
      high = counter >>> 8;
      prefix = node + threadHex + now.toString(16).padStart(6, '0') + high.toString(16).padStart(6, '0');
    }
    return prefix + hexBytes[counter & 0xff];
  };
}
