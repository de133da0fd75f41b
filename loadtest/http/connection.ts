import net from 'node:net';
import tls from 'node:tls';
import type { HttpFault, HttpResponse } from './response.ts';
import { createResponseParser } from './response.ts';

/** Where to connect, taken from a URL. */
export interface Origin {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** Accept any certificate: for test servers only. */
  readonly insecure: boolean;
}

export function originOf(url: URL, insecure = false): Origin {
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port, tls: secure, insecure };
}

/** How one request ended. `stale` faults hit a reused connection before any byte came: safe and usual to send again. */
export type Outcome =
  | { readonly kind: 'response'; readonly response: HttpResponse }
  | { readonly kind: 'fault'; readonly fault: HttpFault; readonly detail: string; readonly stale: boolean };

/** One keep-alive connection that carries one request at a time. */
export interface Connection {
  /** Monotonic time after which the request in flight is given up, ms. */
  deadlineMs: number;
  readonly idle: boolean;
  send(bytes: Buffer, done: (outcome: Outcome) => void): void;
  /** Ends the request in flight, if any, with `timeout` and closes the connection. */
  giveUp(): void;
  close(): void;
}

// One read buffer for all connections of a thread: a read is handled completely before the next one begins.
const shared = Buffer.allocUnsafeSlow(65_536);

/** @param onClosed called once, when the connection can not be used any more */
export function openConnection(origin: Origin, onReady: () => void, onClosed: () => void): Connection {
  const parser = createResponseParser();
  let done: ((outcome: Outcome) => void) | null = null;
  let waiting: Buffer | null = null;
  let connected = false;
  let closed = false;
  let served = 0;

  const settle = (outcome: Outcome): void => {
    const callback = done;
    done = null;
    callback?.(outcome);
  };
  const fail = (fault: HttpFault, detail: string): void => {
    if (closed) return;
    closed = true;
    socket.destroy();
    const stale = served > 0 && !parser.started() && (fault === 'reset' || fault === 'half_closed');
    onClosed();
    settle({ kind: 'fault', fault, detail, stale });
  };
  const receive = (chunk: Buffer): void => {
    if (closed) return;
    if (done === null) fail('bad_http', 'bytes that nobody asked for');
    else take(parser.push(chunk));
  };
  const take = (result: HttpResponse | HttpFault | null): void => {
    if (result === null) return;
    if (typeof result === 'string') {
      fail(result, 'while reading the response');
      return;
    }
    served += 1;
    if (!result.keepAlive) {
      closed = true;
      socket.destroy();
      onClosed();
    }
    settle({ kind: 'response', response: result });
    if (!closed && done === null) onReady();
  };
  const ready = (): void => {
    connected = true;
    if (waiting !== null) socket.write(waiting);
    else onReady();
    waiting = null;
  };

  const socket = connect(origin, receive);
  socket.setNoDelay(true);
  socket.on(origin.tls ? 'secureConnect' : 'connect', ready);
  socket.on('error', (error: NodeJS.ErrnoException) => fail(faultOf(error, connected, origin.tls), messageOf(error)));
  socket.on('end', () => {
    if (done === null || closed) return fail('reset', 'closed by the server while idle');
    const result = parser.end();
    if (typeof result === 'string') return fail(result, 'closed by the server before the response was complete');
    take(result);
  });
  socket.on('close', () => fail(connected ? 'reset' : 'connect_failed', 'closed'));

  return {
    deadlineMs: Number.POSITIVE_INFINITY,
    get idle() {
      return connected && !closed && done === null;
    },
    send(bytes, callback) {
      done = callback;
      if (connected) socket.write(bytes);
      else waiting = bytes;
    },
    giveUp: () => fail('timeout', connected ? 'no complete answer in time' : 'not connected in time'),
    close() {
      if (done === null) fail('reset', 'closed by us');
    },
  };
}

function connect(origin: Origin, receive: (chunk: Buffer) => void): net.Socket {
  const { host, port } = origin;
  if (origin.tls) {
    const servername = net.isIP(host) === 0 ? { servername: host } : {};
    const socket = tls.connect({ host, port, ...servername, rejectUnauthorized: !origin.insecure });
    socket.on('data', receive);
    return socket;
  }
  const onread = {
    buffer: shared,
    callback: (bytes: number) => {
      receive(shared.subarray(0, bytes));
      return true;
    },
  };
  return net.connect({ host, port, onread });
}

/** OpenSSL's messages hold addresses and source files around the reason. */
function messageOf(error: NodeJS.ErrnoException & { readonly reason?: string }): string {
  return error.reason ?? error.message;
}

function faultOf(error: NodeJS.ErrnoException, connected: boolean, secure: boolean): HttpFault {
  const code = error.code ?? '';
  if (code === 'ECONNREFUSED') return 'connect_refused';
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return 'host_unknown';
  if (secure && !connected && !/^E(CONN|HOST|NET|PIPE|TIMED|ADDR|MFILE)/.test(code)) return 'tls_error';
  return connected ? 'reset' : 'connect_failed';
}
