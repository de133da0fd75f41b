import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerUsage } from '../../core/benchusage.ts';
import { CodedError } from '../../core/errors.ts';
import { loadUws } from '../http/uws.ts';

// The floors: what a server costs that does nothing with the request. `node floorserver.js KIND`.

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
  const faults: string[] = [];
  const loaded = loadUws(faults);
  if (loaded === null) throw new CodedError('uws_missing', faults.join('; '), 'The floors need µWebSockets.js.');
  const { uws } = loaded;
  uws
    .App()
    .post('/*', (res) => {
      let pieces: Buffer | null = null;
      res.onAborted(() => {});
      res.onData((part, last) => {
        if (!last || pieces !== null) {
          pieces = Buffer.concat([pieces ?? Buffer.alloc(0), Buffer.from(part)]);
          if (!last) return;
        }
        const answer = answerTo(kind, pieces ?? Buffer.from(part));
        res.cork(() => {
          res.writeHeader('Content-Type', 'application/json').end(answer);
        });
      });
    })
    .listen('127.0.0.1', 0, (socket) => {
      process.send?.({ kind: 'ready', port: uws.us_socket_local_port(socket as never), note: loaded.name });
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
answerUsage(() => process.exit(0));
