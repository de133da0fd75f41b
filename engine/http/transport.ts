/** An HTTP request that has not been answered. Headers may only be read before the first pause. */
export interface HttpCall {
  /** Upper case. */
  readonly method: string;
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** @param name lower case; '' when absent */
  header(name: string): string;
  /** The caller's address as the socket knows it. */
  remoteIp(): string;
  /** Answers; does nothing when the caller has gone. `body` is copied, the rest must stay as it is. */
  send(reply: Reply): void;
}

export interface Reply {
  readonly status: number;
  readonly type?: string;
  readonly body?: Uint8Array | string;
  readonly headers?: readonly (readonly [string, string])[];
  /** Close the connection after this answer. */
  readonly close?: boolean;
}

/** What a transport asks of the application. */
export interface HttpHandlers {
  /** Largest body read, bytes. */
  readonly maxBodyBytes: number;
  /** Most requests whose body is being read or whose answer is pending. */
  readonly maxInFlight: number;
  readonly maxConnections: number;
  /** Most bytes of bodies that have come in part, of all callers together. */
  readonly maxHeldBytes: number;
  /** Whether bid requests are asked for their `traceparent`. */
  readonly traced: boolean;
  /** Names of the exchanges that are served. */
  readonly exchanges: readonly string[];
  /**
   * A POST to the bid endpoint, with its whole body in [0, length) of bytes that are only valid until this returns.
   * Answers at once or by `decide`, which has to follow; the call is no longer its own after that.
   */
  take(call: HttpCall, exchange: string, body: Uint8Array, length: number): void;
  /** Answers all bid requests that have been taken up. */
  decide(): void;
  /** Anything else; the body is '' unless it was a POST. */
  other(call: HttpCall, body: Buffer): void;
  /** A body that was refused by its length, or a request past `maxInFlight`. */
  refused(call: HttpCall, why: 'body_too_large' | 'too_many_requests'): void;
}

export interface Transport {
  readonly name: string;
  /** @returns the port it listens on; rejects when it can not */
  listen(host: string, port: number): Promise<number>;
  /** Stops accepting, waits for answers under way (at most `graceMs`), closes every connection. */
  close(graceMs: number): Promise<void>;
}

/** The path of the bid endpoint, before the exchange's name. */
export const BID_PATH = '/openrtb2/bid/';

export const statusLines: Readonly<Record<number, string>> = {
  200: '200 OK',
  204: '204 No Content',
  302: '302 Found',
  400: '400 Bad Request',
  401: '401 Unauthorized',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  410: '410 Gone',
  413: '413 Payload Too Large',
  415: '415 Unsupported Media Type',
  500: '500 Internal Server Error',
  503: '503 Service Unavailable',
};
