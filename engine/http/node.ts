import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BID_PATH, type HttpCall, type HttpHandlers, type Reply, type Transport } from './transport.ts';

/** Exchanges keep idle connections; a request that does not arrive whole soon is an attack or a dead peer. */
const TIMEOUTS = {
  keepAliveTimeout: 150_000,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
} as const;

/** Serves through node:http: the same handlers, several times the cost per request, one thread. */
export function createNodeTransport(handlers: HttpHandlers): Transport {
  const server = createServer(TIMEOUTS, onRequest);
  server.maxConnections = handlers.maxConnections;
  const scratch = Buffer.alloc(handlers.maxBodyBytes + 1);
  let inFlight = 0;
  /** Bytes of bodies that have come in part. */
  let heldBytes = 0;

  function onRequest(req: IncomingMessage, res: ServerResponse): void {
    inFlight++;
    res.once('close', () => inFlight--);
    const call = createCall(req, res);
    const isBid = call.method === 'POST' && call.path.startsWith(BID_PATH);
    if (call.method !== 'POST') {
      req.resume();
      handlers.other(call, Buffer.alloc(0));
      return;
    }
    if (Number(req.headers['content-length'] ?? 0) > handlers.maxBodyBytes) {
      handlers.refused(call, 'body_too_large');
      return;
    }
    if (inFlight > handlers.maxInFlight) {
      handlers.refused(call, 'too_many_requests');
      return;
    }
    const hold = (bytes: number) => {
      heldBytes += bytes;
      res.once('close', () => {
        heldBytes -= bytes;
      });
      return heldBytes <= handlers.maxHeldBytes;
    };
    collectBody(req, handlers.maxBodyBytes, hold, (pieces) => {
      if (typeof pieces === 'string') return handlers.refused(call, pieces);
      let length = 0;
      for (const piece of pieces) length += piece.copy(scratch, length);
      const exchange = call.path.slice(BID_PATH.length);
      if (isBid && !exchange.includes('/')) {
        handlers.take(call, exchange, scratch, length);
        handlers.decide();
      } else handlers.other(call, scratch.subarray(0, length));
    });
  }

  return {
    name: 'node:http',
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
      }),
    close: (graceMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), graceMs);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

function createCall(req: IncomingMessage, res: ServerResponse): HttpCall {
  const url = req.url ?? '/';
  const mark = url.indexOf('?');
  return {
    method: req.method ?? 'GET',
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark + 1),
    header: (name) => String(req.headers[name] ?? ''),
    remoteIp: () => req.socket.remoteAddress ?? '',
    send(reply: Reply) {
      if (res.writableEnded || res.destroyed) return;
      const body = reply.body === undefined ? '' : reply.body;
      const hasBody = reply.status !== 204;
      res.writeHead(reply.status, {
        ...(reply.type === undefined ? {} : { 'content-type': reply.type }),
        ...(hasBody ? { 'content-length': Buffer.byteLength(body) } : {}),
        ...(reply.close === true ? { connection: 'close' } : {}),
        ...Object.fromEntries(reply.headers ?? []),
      });
      res.end(hasBody && req.method !== 'HEAD' ? Buffer.from(body as Uint8Array) : undefined);
    },
  };
}

type Refusal = 'body_too_large' | 'too_many_requests';

/** Collects a body. @param hold counts bytes that are kept; false when there are too many of all callers together */
function collectBody(
  req: IncomingMessage,
  maxBytes: number,
  hold: (bytes: number) => boolean,
  onBody: (pieces: Buffer[] | Refusal) => void,
): void {
  const pieces: Buffer[] = [];
  let length = 0;
  let refused = false;
  const refuse = (why: Refusal) => {
    refused = true;
    onBody(why);
  };
  req.on('data', (piece: Buffer) => {
    if (refused) return;
    length += piece.length;
    if (length > maxBytes) refuse('body_too_large');
    else if (!hold(piece.length)) refuse('too_many_requests');
    else pieces.push(piece);
  });
  req.on('end', () => {
    if (!refused) onBody(pieces);
  });
}
