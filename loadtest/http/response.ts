/** Why an exchange of request and response failed. Counted by these names. */
export type HttpFault =
  | 'host_unknown'
  | 'connect_refused'
  | 'connect_failed'
  | 'tls_error'
  | 'reset'
  | 'half_closed'
  | 'timeout'
  | 'bad_http'
  | 'too_large';

/** A complete response. `body` is only valid until the callback that received it returns. */
export interface HttpResponse {
  readonly status: number;
  /** Header block in lower case, without the status line. */
  readonly head: string;
  readonly body: Buffer;
  readonly keepAlive: boolean;
}

/** Largest header block and body read, bytes: a load test must not be brought down by what it tests. */
const MAX_HEAD_BYTES = 16_384;
export const MAX_BODY_BYTES = 4_194_304;
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const EMPTY = Buffer.alloc(0);

/**
 * Incremental HTTP/1.1 response parser for one response at a time. `push` returns a response when one is complete,
 * a fault when the bytes can not be one, null when more bytes are needed. Bytes after a complete response are a fault,
 * because nothing was asked for: requests are not pipelined.
 */
export interface ResponseParser {
  push(chunk: Buffer): HttpResponse | HttpFault | null;
  /** The peer closed its side: completes a response whose length is "until close". */
  end(): HttpResponse | HttpFault;
  /** Whether bytes of an incomplete response have arrived. */
  started(): boolean;
  reset(): void;
}

export function createResponseParser(): ResponseParser {
  let pending: Buffer = EMPTY;
  let head: Head | null = null;

  const finish = (body: Buffer, parsed: Head): HttpResponse => {
    pending = EMPTY;
    head = null;
    return { status: parsed.status, head: parsed.text, body, keepAlive: parsed.keepAlive };
  };

  return {
    push(chunk) {
      let bytes: Buffer = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      for (;;) {
        if (head === null) {
          const end = bytes.indexOf(END_OF_HEAD);
          if (end > MAX_HEAD_BYTES || (end < 0 && bytes.length > MAX_HEAD_BYTES)) return 'too_large';
          if (end < 0) return keep(bytes, chunk);
          const parsed = parseHead(bytes, end);
          if (parsed === null) return 'bad_http';
          bytes = bytes.subarray(end + 4);
          if (parsed.status < 200) continue; // 1xx: the real answer follows
          head = parsed;
        }
        if (head.length === 'chunked') {
          const body = readChunked(bytes);
          if (typeof body === 'string') return body;
          if (body !== null) return finish(body, head);
          return bytes.length > 2 * MAX_BODY_BYTES ? 'too_large' : keep(bytes, chunk);
        }
        if (head.length === 'until_close') return bytes.length > MAX_BODY_BYTES ? 'too_large' : keep(bytes, chunk);
        if (head.length > MAX_BODY_BYTES) return 'too_large';
        if (bytes.length > head.length) return 'bad_http';
        if (bytes.length === head.length) return finish(bytes, head);
        return keep(bytes, chunk);
      }
    },
    end() {
      if (head?.length === 'until_close') return finish(pending, head);
      return pending.length > 0 || head !== null ? 'half_closed' : 'reset';
    },
    started: () => pending.length > 0 || head !== null,
    reset() {
      pending = EMPTY;
      head = null;
    },
  };

  /** The chunk lives in a read buffer that will be overwritten: keep a copy. */
  function keep(bytes: Buffer, chunk: Buffer): null {
    pending = bytes.buffer === chunk.buffer ? Buffer.from(bytes) : bytes;
    return null;
  }
}

interface Head {
  readonly status: number;
  readonly text: string;
  readonly length: number | 'chunked' | 'until_close';
  readonly keepAlive: boolean;
}

function parseHead(bytes: Buffer, end: number): Head | null {
  const text = bytes.toString('latin1', 0, end + 2).toLowerCase();
  if (!text.startsWith('http/1.')) return null;
  const status = Number(text.slice(9, 12));
  if (!(status >= 100 && status <= 599)) return null;
  const connection = headerOf(text, 'connection');
  const keepAlive = text.startsWith('http/1.1') ? connection !== 'close' : connection === 'keep-alive';
  if (status < 200 || status === 204 || status === 304) return { status, text, length: 0, keepAlive };
  if (headerOf(text, 'transfer-encoding').endsWith('chunked')) return { status, text, length: 'chunked', keepAlive };
  const declared = headerOf(text, 'content-length');
  if (declared === '') return { status, text, length: 'until_close', keepAlive: false };
  if (!/^\d{1,15}$/.test(declared)) return null;
  return { status, text, length: Number(declared), keepAlive };
}

/** The value of a header in a lower-case header block, '' when absent. */
export function headerOf(head: string, name: string): string {
  const at = head.indexOf(`\r\n${name}:`);
  if (at < 0) return '';
  const from = at + name.length + 3;
  return head.slice(from, head.indexOf('\r\n', from)).trim();
}

/** A complete chunked body, null when more is needed. */
function readChunked(bytes: Buffer): Buffer | HttpFault | null {
  const parts: Buffer[] = [];
  let total = 0;
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at, 'latin1');
    if (lineEnd < 0) return bytes.length - at > 1024 ? 'bad_http' : null;
    const size = /^[0-9a-f]{1,8}/i.exec(bytes.toString('latin1', at, lineEnd))?.[0];
    if (size === undefined) return 'bad_http';
    const length = Number.parseInt(size, 16);
    at = lineEnd + 2;
    if (length === 0) {
      // Trailers, if any, end with an empty line.
      if (bytes.indexOf('\r\n', at, 'latin1') === at) return Buffer.concat(parts);
      return bytes.indexOf(END_OF_HEAD, at) >= 0 ? Buffer.concat(parts) : null;
    }
    total += length;
    if (total > MAX_BODY_BYTES) return 'too_large';
    if (bytes.length < at + length + 2) return null;
    if (bytes[at + length] !== 13 || bytes[at + length + 1] !== 10) return 'bad_http';
    parts.push(bytes.subarray(at, at + length));
    at += length + 2;
  }
}
