import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket } from 'uWebSockets.js';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CodedError, messageOf } from '../../core/errors.ts';
import { BID_PATH, type HttpCall, type HttpHandlers, type Reply, statusLines, type Transport } from './transport.ts';

type Uws = typeof import('uWebSockets.js');

/** µWebSockets.js as it was found, and its version. */
export interface LoadedUws {
  readonly uws: Uws;
  readonly name: string;
}

/**
 * Loads the newest µWebSockets.js whose native binary works here; never its JavaScript fallback.
 * @returns null when none does, with a reason for each in `faults`
 */
export function loadUws(faults: string[]): LoadedUws | null {
  const require = createRequire(import.meta.url);
  const { platform, arch, versions } = process;
  const binary = `uws_${platform}_${arch}_${versions.modules}.node`;
  const candidates = [
    ['uws-next', binary],
    ['uWebSockets.js', `binaries/${binary}`],
  ] as const;
  for (const [name, path] of candidates) {
    try {
      const root = packageRoot(require.resolve(name), name);
      const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
      return { uws: require(join(root, path)) as Uws, name: `uWebSockets.js ${version}` };
    } catch (error) {
      faults.push(`${name}: ${messageOf(error).split('\n')[0]}`);
    }
  }
  return null;
}

/** The folder of a package, from the file its name resolves to: `exports` hides package.json and the binaries. */
function packageRoot(file: string, name: string): string {
  const end = file.lastIndexOf(join('node_modules', name)) + join('node_modules', name).length;
  return file.slice(0, end);
}

/** Serves through µWebSockets.js; every thread may listen on the same port. */
export function createUwsTransport(loaded: LoadedUws, handlers: HttpHandlers): Transport {
  const { uws, name } = loaded;
  const app: TemplatedApp & { close?: () => void } = uws.App();
  const bodies = createBodyReader(handlers);
  let socket: us_listen_socket | null = null;
  app.post(`${BID_PATH}:exchange`, (res, req) => {
    const call = createCall(res, req, 'POST');
    const exchange = req.getParameter(0);
    bodies.read(call, Number(req.getHeader('content-length')), (body, length) =>
      handlers.bid(call, exchange, body, length),
    );
  });
  app.any('/*', (res, req) => {
    const call = createCall(res, req, req.getMethod().toUpperCase());
    if (call.method !== 'POST') {
      bodies.track(call);
      handlers.other(call, EMPTY);
      call.forgetRequest();
      return;
    }
    call.keepHeaders(req);
    bodies.read(call, Number(req.getHeader('content-length')), (body, length) =>
      handlers.other(call, body.subarray(0, length)),
    );
  });
  return {
    name,
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        app.listen(host, port, (found) => {
          if (found === false) {
            const message = `Can not listen on ${host}:${port}.`;
            reject(new CodedError('listen_failed', message, 'Choose a free port, or 0 for any.'));
            return;
          }
          socket = found;
          resolve(uws.us_socket_local_port(found as never));
        });
      }),
    async close(graceMs) {
      if (socket !== null) uws.us_listen_socket_close(socket);
      socket = null;
      await bodies.idle(graceMs);
      // Idle keep-alive connections would keep the loop, and with it the process, for another ten seconds.
      app.close?.();
    },
  };
}

const EMPTY = Buffer.alloc(0);

interface UwsCall extends HttpCall {
  readonly res: HttpResponse;
  readonly done: boolean;
  /** Keeps what may be asked for after the body has been read. */
  keepHeaders(req: HttpRequest): void;
  /** The request object dies when its handler returns. */
  forgetRequest(): void;
  onDone: (() => void) | null;
  /** Bytes of its body that are held until the rest comes. */
  heldBytes: number;
}

const keptHeaders = ['content-type', 'user-agent', 'x-forwarded-for', 'content-encoding', 'authorization'];

function createCall(res: HttpResponse, req: HttpRequest, method: string): UwsCall {
  const call = new Call(res, req, method);
  res.onAborted(() => call.finish());
  return call;
}

class Call implements UwsCall {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly res: HttpResponse;
  readonly #encoding: string;
  readonly #authorization: string;
  readonly #acceptEncoding: string;
  #request: HttpRequest | null;
  #kept: Map<string, string> | null = null;
  done = false;
  onDone: (() => void) | null = null;
  heldBytes = 0;

  constructor(res: HttpResponse, req: HttpRequest, method: string) {
    this.res = res;
    this.method = method;
    this.path = req.getUrl();
    this.query = req.getQuery() ?? '';
    this.#encoding = req.getHeader('content-encoding');
    this.#acceptEncoding = req.getHeader('accept-encoding');
    this.#authorization = this.query === '' ? '' : req.getHeader('authorization');
    this.#request = req;
  }

  keepHeaders(req: HttpRequest): void {
    this.#kept = new Map(keptHeaders.map((name) => [name, req.getHeader(name)]));
  }

  forgetRequest(): void {
    this.#request = null;
  }

  header(name: string): string {
    if (name === 'content-encoding') return this.#encoding;
    if (name === 'accept-encoding') return this.#acceptEncoding;
    if (name === 'authorization' && this.#authorization !== '') return this.#authorization;
    return this.#kept?.get(name) ?? this.#request?.getHeader(name) ?? '';
  }

  remoteIp(): string {
    return this.done ? '' : Buffer.from(this.res.getRemoteAddressAsText()).toString('latin1');
  }

  send(reply: Reply): void {
    if (this.done) return;
    this.res.cork(() => this.#write(reply));
    this.finish();
  }

  finish(): void {
    if (this.done) return;
    this.done = true;
    this.onDone?.();
  }

  #write(reply: Reply): void {
    const { res } = this;
    res.writeStatus(statusLines[reply.status] ?? `${reply.status} Error`);
    if (reply.type !== undefined) res.writeHeader('Content-Type', reply.type);
    if (reply.headers !== undefined) for (const [name, value] of reply.headers) res.writeHeader(name, value);
    if (reply.status === 204) {
      // A 204 has no Content-Length, and the closing form of endWithoutBody would write one.
      if (reply.close === true) res.writeHeader('Connection', 'close');
      res.endWithoutBody();
    } else if (this.method === 'HEAD') res.endWithoutBody(byteLength(reply.body), reply.close ?? false);
    else res.end(reply.body ?? '', reply.close ?? false);
  }
}

function byteLength(body: Uint8Array | string | undefined): number {
  if (body === undefined) return 0;
  return typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
}

/** Reads bodies into one persistent buffer; only bodies that come in pieces are collected in buffers of their own. */
function createBodyReader(handlers: HttpHandlers) {
  const scratch = Buffer.alloc(handlers.maxBodyBytes + 1);
  let inFlight = 0;
  /** Bytes of bodies that have come in part. */
  let heldBytes = 0;
  let whenIdle: (() => void) | null = null;

  function track(call: UwsCall): void {
    inFlight++;
    call.onDone = () => {
      inFlight--;
      heldBytes -= call.heldBytes;
      if (inFlight === 0) whenIdle?.();
    };
  }

  return {
    track,
    read(call: UwsCall, declaredBytes: number, onBody: (body: Buffer, length: number) => void) {
      track(call);
      if (declaredBytes > handlers.maxBodyBytes) return handlers.refused(call, 'body_too_large');
      if (inFlight > handlers.maxInFlight) return handlers.refused(call, 'too_many_requests');
      let pieces: Buffer[] | null = null;
      let collected = 0;
      call.forgetRequest();
      call.res.onData((chunk, isLast) => {
        if (call.done) return;
        if (collected + chunk.byteLength > handlers.maxBodyBytes) {
          pieces = null;
          handlers.refused(call, 'body_too_large');
          return;
        }
        if (pieces === null && isLast) {
          scratch.set(new Uint8Array(chunk));
          onBody(scratch, chunk.byteLength);
          return;
        }
        if (heldBytes + chunk.byteLength > handlers.maxHeldBytes) {
          pieces = null;
          handlers.refused(call, 'too_many_requests');
          return;
        }
        pieces ??= [];
        pieces.push(Buffer.from(chunk.slice(0)));
        collected += chunk.byteLength;
        call.heldBytes += chunk.byteLength;
        heldBytes += chunk.byteLength;
        if (!isLast) return;
        let at = 0;
        for (const piece of pieces) at += piece.copy(scratch, at);
        onBody(scratch, collected);
      });
    },
    async idle(graceMs: number): Promise<void> {
      if (inFlight === 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, graceMs);
        whenIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
  };
}
