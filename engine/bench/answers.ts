/** Counts answers on one connection from raw bytes. A client that parsed HTTP fully would be slower than what it measures. */
export interface AnswerReader {
  /**
   * Takes the next bytes received.
   * @returns the status of the answer that ended with them, 0 while it is incomplete, -1 when it is not HTTP
   */
  take(bytes: Buffer, length: number): number;
}

const HEADER_END = Buffer.from('\r\n\r\n');
const MAX_HEADER_BYTES = 16_384;

/** One answer at a time: no pipelining, as exchanges do not pipeline. Only answers with a length, or 204. */
export function createAnswerReader(): AnswerReader {
  let status = 0;
  let missing = 0;
  let head: Buffer | null = null;

  function finish(): number {
    const done = status;
    status = 0;
    return done;
  }

  return {
    take(bytes, length) {
      if (status !== 0) {
        missing -= length;
        return missing > 0 ? 0 : missing === 0 ? finish() : -1;
      }
      const all = head === null ? bytes.subarray(0, length) : Buffer.concat([head, bytes.subarray(0, length)]);
      const end = all.indexOf(HEADER_END);
      if (end === -1) {
        if (all.length > MAX_HEADER_BYTES) return -1;
        head = Buffer.from(all);
        return 0;
      }
      head = null;
      status = (all[9]! - 48) * 100 + (all[10]! - 48) * 10 + (all[11]! - 48);
      if (!(status >= 200 && status < 600)) return -1;
      missing = end + 4 + contentLength(all.toString('latin1', 0, end + 2)) - all.length;
      return missing > 0 ? 0 : missing === 0 ? finish() : -1;
    },
  };
}

function contentLength(head: string): number {
  let at = head.indexOf('ontent-Length: ');
  if (at === -1) at = head.indexOf('ontent-length: ');
  return at === -1 ? 0 : Number.parseInt(head.slice(at + 15, head.indexOf('\r', at)), 10);
}
