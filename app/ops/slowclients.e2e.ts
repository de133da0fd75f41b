import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import type { Bidder } from '../../engine/bidder.ts';
import { defaultBidderConfig } from '../../engine/config.ts';
import { publish, smallInventory } from '../../engine/testing/inventory.case.ts';
import { createMemoryLog } from '../../engine/testing/memorylog.case.ts';
import { createFakeReports } from '../../reporting/api/fakes.case.ts';
import { startApi } from '../../reporting/api/server.ts';

const dist = new URL('../../dist/engine/', import.meta.url);
const { startBidder } = (await import(new URL('bidder.js', dist).href)) as typeof import('../../engine/bidder.ts');
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A client that misbehaves, and when the server had enough of it. */
interface Slow {
  readonly socket: Socket;
  answer: string;
  closed: boolean;
}

function open(port: number, first: string): Slow {
  const socket = connect(port, '127.0.0.1');
  const slow: Slow = { socket, answer: '', closed: false };
  socket.on('data', (chunk) => {
    slow.answer += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    slow.closed = true;
  });
  if (first !== '') socket.write(first);
  return slow;
}

const head = (path: string, length: number) =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n`;

describe.concurrent.each(['auto', 'node'] as const)('slow and half-open clients, transport %s', (transport) => {
  const log = createMemoryLog();
  let bidder: Bidder;

  beforeAll(async () => {
    await publish(log, smallInventory());
    bidder = await startBidder(
      {
        ...defaultBidderConfig,
        port: 0,
        threads: 1,
        transport,
        maxLagMs: 60_000,
        tokenKeys: [{ id: 1, secret: Buffer.from('a key for slow clients, 32 bytes') }],
      },
      {
        log,
        clock: systemClock,
        random: seededRandom(1),
        logger: pino({ level: 'silent' }),
        metrics: new Registry(),
        onFatal: (error) => {
          throw error;
        },
      },
    );
  });
  afterAll(() => bidder.stop());

  it('are cut off, while others are served', { timeout: 90_000 }, async () => {
    const { port } = bidder;
    const silent = Array.from({ length: 100 }, () => open(port, ''));
    const stalled = Array.from({ length: 100 }, () => open(port, `${head('/openrtb2/bid/demo', 1000)}\r\n{"id":`));
    const dripping = Array.from({ length: 20 }, () => open(port, 'POST /openrtb2/bid/demo HTTP/1.1\r\nhost: x\r\n'));
    const all = [...silent, ...stalled, ...dripping];
    const drip = setInterval(() => {
      for (const { socket, closed } of dripping) if (!closed) socket.write('x-a: b\r\n');
    }, 1000);
    const startedMs = performance.now();
    const took: number[] = [];
    try {
      while (all.some(({ closed }) => !closed) && performance.now() - startedMs < 40_000) {
        const askedMs = performance.now();
        const answer = await fetch(`http://127.0.0.1:${port}/openrtb2/bid/demo`, {
          method: 'POST',
          body: '{"id":"1","imp":[]}',
        });
        await answer.arrayBuffer();
        took.push(performance.now() - askedMs);
        expect([200, 204, 400]).toContain(answer.status);
        await pause(100);
      }
      const open = { silent, stalled, dripping };
      const left = Object.entries(open).map(
        ([name, group]) => `${name} ${group.filter(({ closed }) => !closed).length}`,
      );
      expect(left).toEqual(['silent 0', 'stalled 0', 'dripping 0']);
      expect(took.sort((a, b) => a - b)[Math.floor(took.length / 2)], 'the median stays low').toBeLessThan(250);
    } finally {
      clearInterval(drip);
      for (const { socket } of all) socket.destroy();
    }
  });

  it('are refused at once when they announce or send too much', async () => {
    const { port } = bidder;
    const announced = open(port, `${head('/openrtb2/bid/demo', 10_000_000)}\r\n{`);
    const headers = open(port, `${head('/openrtb2/bid/demo', 2)}x-big: ${'a'.repeat(200_000)}\r\n\r\n{}`);
    const endMs = performance.now() + 20_000;
    while (performance.now() < endMs && !(announced.closed && headers.closed)) await pause(20);
    expect(announced.answer === '' || /^HTTP\/1\.1 413/.test(announced.answer)).toBe(true);
    expect(headers.answer === '' || /^HTTP\/1\.1 4(31|00)/.test(headers.answer)).toBe(true);
    expect([announced.closed, headers.closed]).toEqual([true, true]);
  });
});

describe.concurrent('slow clients of the API', () => {
  it('are cut off while their headers do not end', { timeout: 60_000 }, async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-slow-'));
    const api = await startApi(
      { host: '127.0.0.1', port: 0, dataDir, staticDir: dataDir, bootstrapOperatorKey: null, version: 'test' },
      {
        log: createMemoryLog(),
        reports: createFakeReports([]),
        pacing: null,
        clock: systemClock,
        random: seededRandom(1),
        logger: pino({ level: 'silent' }),
        metrics: new Registry(),
      },
    );
    const slow = Array.from({ length: 50 }, (_, i) =>
      open(api.port, i % 2 === 0 ? '' : 'GET /version HTTP/1.1\r\nhost: x\r\n'),
    );
    const drip = setInterval(() => {
      for (const { socket, closed } of slow.filter((_, i) => i % 2 === 1)) if (!closed) socket.write('x-a: b\r\n');
    }, 1000);
    try {
      const endMs = performance.now() + 40_000;
      while (slow.some(({ closed }) => !closed) && performance.now() < endMs) await pause(100);
      expect(slow.filter(({ closed }) => !closed).length).toBe(0);
      expect((await fetch(`${api.url}/healthz/live`)).status).toBe(200);
    } finally {
      clearInterval(drip);
      for (const { socket } of slow) socket.destroy();
      await api.close();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});
