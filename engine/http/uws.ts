import type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket } from 'uWebSockets.js';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CodedError, messageOf } from '../../core/errors.ts';
import { BID_PATH, type HttpCall, type HttpHandlers, type Reply, statusLines, type Transport } from './transport.ts';
import { createTurn } from './turn.ts';

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
  const takeBid = (res: HttpResponse, req: HttpRequest, exchange: string): void => {
    const call = bodies.takeCall();
    call.begin(res, req, 'POST', '');
    call.exchange = exchange;
    bodies.read(call, 0);
  };
  // A path of its own for each exchange that is known: a parameter is a text that is made for every request.
  for (const exchange of handlers.exchanges) {
    if (PLAIN_NAME.test(exchange)) app.post(BID_PATH + exchange, (res, req) => takeBid(res, req, exchange));
  }
  app.post(`${BID_PATH}:exchange`, (res, req) => takeBid(res, req, req.getParameter(0)));
  app.any('/*', (res, req) => {
    const call = new Call(bodies.owner);
    call.begin(res, req, req.getMethod().toUpperCase(), req.getUrl());
    if (call.method !== 'POST') {
      bodies.track();
      handlers.other(call, EMPTY);
      call.forgetRequest();
      return;
    }
    call.keepHeaders(req);
    bodies.read(call, Number(req.getHeader('content-length')));
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
/** Means nothing but itself in a path. */
const PLAIN_NAME = /^[\w.-]+$/;

const keptHeaders = ['content-type', 'user-agent', 'x-forwarded-for', 'content-encoding', 'authorization'];

/** What a call tells the reader of bodies. */
interface CallOwner {
  readonly traced: boolean;
  onData(call: Call, chunk: ArrayBuffer, isLast: boolean): void;
  onDone(call: Call): void;
  /** Keeps the body of an answer until it is written, see `Turn`. */
  hold(body: Uint8Array): number;
  held(at: number, length: number): Uint8Array;
}

/**
 * One request and its answer. Those of bid requests are used again and again: each has its callbacks made once, because
 * a closure per callback and request is what a thread would collect most of.
 */
class Call implements HttpCall {
  readonly #owner: CallOwner;
  method = '';
  path = '';
  query = '';
  /** Of a bid request; null for any other. */
  exchange: string | null = null;
  res: HttpResponse | null = null;
  #encoding = '';
  #authorization = '';
  #acceptEncoding = '';
  #traceparent = '';
  #request: HttpRequest | null = null;
  #kept: Map<string, string> | null = null;
  #reply: Reply = { status: 204 };
  #body: Uint8Array | string | undefined;
  /** Where the body is kept, -1 when it is `#body`; as numbers, because an object would be garbage that is written down. */
  #heldAt = -1;
  #heldBytes = 0;
  /** Answered, but the answer is written when all of this turn are decided. */
  #held = false;
  done = true;
  /** Answers are held back. */
  holding = false;
  /** Inside a callback of µWebSockets.js, which gathers what is written by itself. */
  corked = false;
  /** Its last bytes have come: nothing of it will be called again once it is answered. */
  complete = false;
  /** What has come of a body that does not come at once. */
  pieces: Buffer[] | null = null;
  /** Bytes of `pieces`, held until the rest comes. */
  heldBytes = 0;

  readonly #onAborted = (): void => this.finish();
  readonly #onData = (chunk: ArrayBuffer, isLast: boolean): void => this.#owner.onData(this, chunk, isLast);
  readonly #onCork = (): void => this.#write();

  constructor(owner: CallOwner) {
    this.#owner = owner;
  }

  /** Takes up a request, in the handler that was given it. */
  begin(res: HttpResponse, req: HttpRequest, method: string, path: string): void {
    this.res = res;
    this.method = method;
    this.path = path;
    this.query = req.getQuery() ?? '';
    this.#encoding = req.getHeader('content-encoding');
    this.#acceptEncoding = req.getHeader('accept-encoding');
    this.#authorization = this.query === '' ? '' : req.getHeader('authorization');
    if (this.#owner.traced) this.#traceparent = req.getHeader('traceparent');
    this.#request = req;
    this.done = false;
    this.holding = false;
    this.#held = false;
    this.#heldAt = -1;
    this.complete = false;
    this.pieces = null;
    this.heldBytes = 0;
    res.onAborted(this.#onAborted);
  }

  listen(): void {
    this.res!.onData(this.#onData);
  }

  /** Keeps what may be asked for after the body has been read. */
  keepHeaders(req: HttpRequest): void {
    this.#kept = new Map(keptHeaders.map((name) => [name, req.getHeader(name)]));
  }

  /** The request object dies when its handler returns. */
  forgetRequest(): void {
    this.#request = null;
  }

  header(name: string): string {
    if (name === 'content-encoding') return this.#encoding;
    if (name === 'accept-encoding') return this.#acceptEncoding;
    if (name === 'traceparent') return this.#traceparent;
    if (name === 'authorization' && this.#authorization !== '') return this.#authorization;
    return this.#kept?.get(name) ?? this.#request?.getHeader(name) ?? '';
  }

  remoteIp(): string {
    return this.done ? '' : Buffer.from(this.res!.getRemoteAddressAsText()).toString('latin1');
  }

  send(reply: Reply): void {
    if (this.done || this.#held) return;
    this.#reply = reply;
    this.#body = reply.body;
    if (this.holding && this.#hold(reply.body)) return;
    if (this.corked) this.#write();
    else this.res!.cork(this.#onCork);
    this.finish();
  }

  #hold(body: Uint8Array | string | undefined): boolean {
    if (body instanceof Uint8Array) {
      this.#heldAt = this.#owner.hold(body);
      if (this.#heldAt < 0) return false;
      this.#heldBytes = body.length;
      this.#body = undefined;
    }
    this.#held = true;
    return true;
  }

  /** Writes the answer that was held back, if there is one. */
  release(): void {
    this.holding = false;
    if (this.done || !this.#held) return;
    this.res!.cork(this.#onCork);
    this.finish();
  }

  finish(): void {
    if (this.done) return;
    this.done = true;
    this.#owner.onDone(this);
  }

  #write(): void {
    const res = this.res!;
    const reply = this.#reply;
    const body = this.#heldAt < 0 ? this.#body : this.#owner.held(this.#heldAt, this.#heldBytes);
    if (reply.status !== 200) res.writeStatus(statusLines[reply.status] ?? `${reply.status} Error`);
    if (reply.type !== undefined) res.writeHeader('Content-Type', reply.type);
    if (reply.headers !== undefined) for (const [name, value] of reply.headers) res.writeHeader(name, value);
    if (reply.status === 204) {
      // A 204 has no Content-Length, and the closing form of endWithoutBody would write one.
      if (reply.close === true) res.writeHeader('Connection', 'close');
      res.endWithoutBody();
    } else if (this.method === 'HEAD') res.endWithoutBody(byteLength(body), reply.close ?? false);
    else res.end(body ?? '', reply.close ?? false);
  }
}

function byteLength(body: Uint8Array | string | undefined): number {
  if (body === undefined) return 0;
  return typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
}

/** Reads bodies; one that comes in pieces is collected in buffers of its own. */
function createBodyReader(handlers: HttpHandlers) {
  const idleCalls: Call[] = [];
  let inFlight = 0;
  /** Bytes of bodies that have come in part. */
  let heldBytes = 0;
  let whenIdle: (() => void) | null = null;

  const turn = createTurn<Call>(
    (call, body, length) => handlers.take(call, call.exchange!, body, length),
    () => handlers.decide(),
    (call) => {
      if (idleCalls.length < handlers.maxInFlight) idleCalls.push(call);
    },
  );

  const owner: CallOwner = {
    hold: turn.hold,
    held: turn.held,
    traced: handlers.traced,
    onData(call, chunk, isLast) {
      if (call.done) return;
      call.complete = isLast;
      call.corked = true;
      take(call, chunk, isLast);
      call.corked = false;
      // Whatever is answered before its end may be called back once more: only a complete one is used again.
      if (call.done && call.complete && call.exchange !== null && idleCalls.length < handlers.maxInFlight) {
        idleCalls.push(call);
      }
    },
    onDone(call) {
      inFlight--;
      heldBytes -= call.heldBytes;
      call.pieces = null;
      if (inFlight === 0) whenIdle?.();
    },
  };

  function take(call: Call, chunk: ArrayBuffer, isLast: boolean): void {
    if (call.heldBytes + chunk.byteLength > handlers.maxBodyBytes) handlers.refused(call, 'body_too_large');
    else if (call.pieces === null && isLast) {
      const body = new Uint8Array(chunk);
      if (call.exchange === null || !turn.add(call, body)) deliver(call, body);
    } else if (heldBytes + chunk.byteLength > handlers.maxHeldBytes) handlers.refused(call, 'too_many_requests');
    else collect(call, chunk, isLast);
  }

  function collect(call: Call, chunk: ArrayBuffer, isLast: boolean): void {
    call.pieces ??= [];
    call.pieces.push(Buffer.from(chunk.slice(0)));
    call.heldBytes += chunk.byteLength;
    heldBytes += chunk.byteLength;
    if (isLast) deliver(call, Buffer.concat(call.pieces));
  }

  function deliver(call: Call, body: Uint8Array): void {
    if (call.exchange === null) {
      handlers.other(call, Buffer.from(body));
      return;
    }
    handlers.take(call, call.exchange, body, body.length);
    handlers.decide();
  }

  return {
    owner,
    takeCall: (): Call => idleCalls.pop() ?? new Call(owner),
    track() {
      inFlight++;
    },
    /**
     * Reads the body and hands it over.
     * @param declaredBytes its length as far as it is known: one that comes in pieces is refused when it is too long
     */
    read(call: Call, declaredBytes: number): void {
      inFlight++;
      if (declaredBytes > handlers.maxBodyBytes) handlers.refused(call, 'body_too_large');
      else if (inFlight > handlers.maxInFlight) handlers.refused(call, 'too_many_requests');
      else {
        call.forgetRequest();
        call.listen();
      }
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
