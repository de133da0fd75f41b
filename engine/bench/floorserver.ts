import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerUsage } from './usage.ts';
import { uws } from './uws.ts';

// The floors: what a server costs that does nothing with the request. `node floorserver.js KIND`.
export const floorKinds = ['uws', 'uws-parse', 'uws-parse-stringify', 'http-parse'] as const;
export type FloorKind = (typeof floorKinds)[number];

/** 600 bytes, about a bid response without markup. */
const fixed = Buffer.alloc(600, 'x');

interface Parsed {
  readonly id: string;
  readonly imp: readonly { readonly id: string; readonly bidfloor: number }[];
}

/** The least work each kind does between body and answer. */
function answerTo(kind: string, body: Buffer): Buffer | string {
  if (kind === 'uws') return fixed;
  const request = JSON.parse(body.toString()) as Parsed;
  if (kind !== 'uws-parse-stringify') return request.id === '' ? '' : fixed;
  return JSON.stringify(fixedResponse(request));
}

const markup =
  '<a href="https://click.example"><img src="https://cdn.example/a.png" width="300" height="250"></a>'.padEnd(300, ' ');

/** The same 600 bytes, made from an object. */
function fixedResponse(request: Parsed): object {
  const imp = request.imp[0]!;
  const bid = {
    id: '0123456789abcdef01234567',
    impid: imp.id,
    price: imp.bidfloor + 0.01,
    adm: markup,
    adomain: ['brand.example'],
    crid: '1234',
    cid: '5678',
    w: 300,
    h: 250,
    mtype: 1,
    exp: 300,
  };
  return { id: request.id, cur: 'USD', seatbid: [{ seat: 'evenkeel', bid: [bid] }] };
}

function listenUws(kind: string): void {
  uws
    .App()
    // biome-ignore lint/suspicious/noExplicitAny: temporary
    .post('/*', (res: any) => {
      const body = Buffer.allocUnsafeSlow(0);
      let chunks: Buffer = body;
      res.onAborted(() => {});
      res.onData((part: ArrayBuffer, last: boolean) => {
        const view = Buffer.from(part);
        if (!last || chunks.length > 0) chunks = Buffer.concat([chunks, view]);
        if (!last) return;
        const answer = answerTo(kind, chunks.length > 0 ? chunks : view);
        res.cork(() => {
          res.writeHeader('Content-Type', 'application/json').end(answer);
        });
      });
    })
    // biome-ignore lint/suspicious/noExplicitAny: temporary
    .listen('127.0.0.1', 0, (socket: any) => {
      process.send?.({ kind: 'ready', port: uws.us_socket_local_port(socket) });
    });
}

function listenHttp(kind: string): void {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const answer = answerTo(kind, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(answer) });
      response.end(answer);
    });
  });
  server.keepAliveTimeout = 150_000;
  server.listen(0, '127.0.0.1', () => process.send?.({ kind: 'ready', port: (server.address() as AddressInfo).port }));
}

const kind = process.argv[2] ?? '';
if (kind === 'http-parse') listenHttp(kind);
else listenUws(kind);
answerUsage();
