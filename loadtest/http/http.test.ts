import type { AddressInfo } from 'node:net';
import net from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import type { Outcome } from './connection.ts';
import { createHttpPool } from './pool.ts';
import type { HttpFault, HttpResponse } from './response.ts';
import { createResponseParser, headerOf } from './response.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server that answers the n-th request of each connection with whatever `answer` does to the socket. */
async function rawServer(answer: (socket: net.Socket, n: number, connection: number) => void): Promise<number> {
  let connections = 0;
  const server = net.createServer((socket) => {
    const connection = connections++;
    let n = 0;
    socket.on('data', () => answer(socket, n++, connection));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

function poolFor(port: number, more: { tls?: boolean; timeoutMs?: number; host?: string } = {}) {
  const origin = { host: more.host ?? '127.0.0.1', port, tls: more.tls ?? false, insecure: false };
  const pool = createHttpPool({ origin, maxConnections: 2, keep: 2, timeoutMs: more.timeoutMs ?? 2000 }, systemClock);
  closers.push(() => pool.close());
  return pool;
}

function ask(pool: ReturnType<typeof poolFor>): Promise<string> {
  return new Promise((resolve) => {
    const sent = pool.trySend(
      Buffer.from('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n'),
      (outcome: Outcome) => {
        resolve(outcome.kind === 'fault' ? outcome.fault : `${outcome.response.status} ${outcome.response.body}`);
      },
    );
    if (!sent) resolve('not sent');
  });
}

describe('the HTTP sender', () => {
  it.each<[string, (socket: net.Socket) => void, string]>([
    ['a plain answer', (s) => s.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'), '200 hi'],
    ['no content', (s) => s.write('HTTP/1.1 204 No Content\r\n\r\n'), '204 '],
    [
      'chunks',
      (s) => s.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=1\r\nhi\r\n3\r\n you\r\n0\r\n\r\n'),
      'bad_http',
    ],
    [
      'good chunks',
      (s) => s.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=1\r\nhi\r\n4\r\n you\r\n0\r\n\r\n'),
      '200 hi you',
    ],
    ['until close', (s) => s.end('HTTP/1.1 200 OK\r\n\r\nall of it'), '200 all of it'],
    [
      'an interim answer first',
      (s) => s.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx'),
      '200 x',
    ],
    ['no HTTP', (s) => s.write('SSH-2.0-OpenSSH_9.6\r\n\r\n'), 'bad_http'],
    ['a body longer than it says', (s) => s.write('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxyz'), 'bad_http'],
    [
      'a body that is announced too large',
      (s) => s.write('HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n'),
      'too_large',
    ],
    ['headers without end', (s) => s.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}`), 'too_large'],
    ['half an answer, then closed', (s) => s.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhi'), 'half_closed'],
    ['closed without a word', (s) => s.end(), 'reset'],
    ['reset', (s) => s.resetAndDestroy(), 'reset'],
    ['silence', () => {}, 'timeout'],
  ])('takes %s for what it is', async (_, answer, expected) => {
    const port = await rawServer((socket) => answer(socket));
    expect(await ask(poolFor(port, { timeoutMs: 2000 }))).toBe(expected);
  });

  it('names an unknown host, a refused connection and a server that speaks no TLS', async () => {
    expect(await ask(poolFor(80, { host: 'bidder.invalid', timeoutMs: 30_000 }))).toBe('host_unknown');
    const port = await rawServer((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await ask(poolFor(port, { tls: true }))).toBe('tls_error');
    expect(await ask(poolFor(1))).toBe('connect_refused');
  });

  it('sends again, once, when the server has just closed an idle connection', async () => {
    const port = await rawServer((socket, n) => {
      if (n === 0) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
      else socket.destroy();
    });
    const pool = poolFor(port);
    expect(await ask(pool)).toBe('200 ok');
    expect(await ask(pool)).toBe('200 ok');
    expect(pool.stale).toBe(1);
  });

  it('uses its connections in turn and no more than it may', async () => {
    const used: number[] = [];
    const port = await rawServer((socket, _, connection) => {
      used.push(connection);
      setTimeout(() => socket.write('HTTP/1.1 204 No Content\r\n\r\n'), 20);
    });
    const pool = poolFor(port);
    expect(await Promise.all([ask(pool), ask(pool), ask(pool)])).toEqual(['204 ', '204 ', 'not sent']);
    await ask(pool);
    await ask(pool);
    expect(used.sort()).toEqual([0, 0, 1, 1]);
  });
});

describe('connections that were opened in a stall', () => {
  it('are closed when they have not been needed for ten seconds, and those that are needed are not', async () => {
    const stalled: net.Socket[] = [];
    let stalls = true;
    const port = await rawServer((socket) => {
      if (stalls) stalled.push(socket);
      else socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    });
    let ahead = 0;
    let readings = 0;
    const clock = {
      ...systemClock,
      monotonicMs: () => {
        readings += 1;
        return systemClock.monotonicMs() + ahead;
      },
    };
    /** Lets time pass, and waits until the pool has looked at its connections. */
    const pass = async (ms: number): Promise<void> => {
      ahead += ms;
      const before = readings;
      await vi.waitFor(() => expect(readings).toBeGreaterThan(before + 1));
    };
    const origin = { host: '127.0.0.1', port, tls: false, insecure: false };
    const pool = createHttpPool({ origin, maxConnections: 50, keep: 4, timeoutMs: 3_600_000 }, clock);
    closers.push(() => pool.close());
    await pool.warm(4);
    const asked = Array.from({ length: 40 }, () => ask(pool));
    expect(pool.open).toBe(40);
    await vi.waitFor(() => expect(stalled).toHaveLength(40));
    // A stall longer than the time: all are needed.
    await pass(30_000);
    expect(pool.open).toBe(40);
    stalls = false;
    for (const socket of stalled) socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['204 ']));
    // The stall was in these ten seconds; in the next at most six requests are out at once.
    await pass(11_000);
    expect(pool.open).toBe(40);
    await Promise.all(Array.from({ length: 6 }, () => ask(pool)));
    await pass(11_000);
    expect(pool.open).toBe(6);
    await pass(11_000);
    expect(pool.open).toBe(4);
    expect(await ask(pool)).toBe('204 ');
    expect(pool.stale).toBe(0);
  });
});

describe('the response parser', () => {
  const answers: readonly string[] = [
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"id":"x","a"}',
    'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n',
  ].map((text) => text.replace('{"id":"x","a"}', '{"id":"xyzw"}'));

  it('gives the same response however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...answers),
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 }),
        (text, cuts) => {
          const whole = feed(Buffer.from(text), []);
          expect(typeof whole).toBe('object');
          expect(feed(Buffer.from(text), cuts)).toEqual(whole);
        },
      ),
    );
  });

  it('never throws and never returns a wrong kind on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (bytes, headed) => {
        const head = headed ? Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n') : Buffer.alloc(0);
        const result = createResponseParser().push(Buffer.concat([head, bytes]));
        expect(result === null || typeof result === 'string' || result.status >= 200).toBe(true);
      }),
    );
  });

  it('reads headers by name', () => {
    const response = feed(Buffer.from(answers[0]!), []) as HttpResponse;
    expect(headerOf(response.head, 'content-type')).toBe('application/json');
    expect(headerOf(response.head, 'x-absent')).toBe('');
    expect(response.keepAlive).toBe(true);
    expect((feed(Buffer.from(answers[1]!), []) as HttpResponse).keepAlive).toBe(false);
  });
});

/** Pushes the bytes in pieces through one shared buffer, as connections do. */
function feed(bytes: Buffer, cuts: readonly number[]): unknown {
  const parser = createResponseParser();
  const shared = Buffer.alloc(4096);
  let at = 0;
  let i = 0;
  while (at < bytes.length) {
    const length = cuts.length === 0 ? bytes.length : Math.min(cuts[i++ % cuts.length]!, bytes.length - at);
    bytes.copy(shared, 0, at, at + length);
    at += length;
    const result: HttpResponse | HttpFault | null = parser.push(shared.subarray(0, length));
    if (result !== null) return typeof result === 'string' ? result : { ...result, body: Buffer.from(result.body) };
  }
  return null;
}
