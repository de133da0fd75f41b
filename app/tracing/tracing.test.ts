import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SpanRecord } from '../../core/trace.ts';
import { startReceiver, type TraceReceiver } from './receiver.case.ts';
import { createSender } from './tracing.ts';

let receiver: TraceReceiver;
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.stop());

const span = (n: number): SpanRecord => ({
  traceId: (n + 1).toString(16).padStart(32, 'a'),
  spanId: (n + 1).toString(16).padStart(16, 'b'),
  parentSpanId: n % 2 === 0 ? '' : 'cccccccccccccccc',
  name: 'bid',
  kind: 'server',
  startMs: 1_790_000_000_000.25,
  endMs: 1_790_000_000_001.5,
  attributes: { 'evenkeel.exchange': 'demo', rows: 7, share: 0.5 },
  failed: n % 3 === 0,
});

function send(url: string) {
  const counts = { sent: 0, dropped: 0, failed: 0 };
  const sender = createSender(
    url,
    { role: 'bidder', version: '1.0.0', pid: 7 },
    {
      logger: pino({ level: 'silent' }),
      count: (outcome, n) => {
        counts[outcome] += n;
      },
    },
  );
  return { sender, counts };
}

describe('traces', () => {
  it('reach a receiver of OTLP as it knows them', async () => {
    const { sender, counts } = send(receiver.url);
    for (let n = 0; n < 1200; n++) sender.add(span(n));
    await sender.stop();
    expect(counts).toEqual({ sent: 1200, dropped: 0, failed: 0 });
    expect(receiver.faults).toEqual([]);
    expect(receiver.spans).toHaveLength(1200);
    expect(receiver.spans[1]).toMatchObject({
      role: 'bidder',
      kind: 2,
      parentSpanId: 'cccccccccccccccc',
      startTimeUnixNano: '1790000000000250000',
      endTimeUnixNano: '1790000000001500000',
      attributes: [
        { key: 'evenkeel.exchange', value: { stringValue: 'demo' } },
        { key: 'rows', value: { intValue: '7' } },
        { key: 'share', value: { doubleValue: 0.5 } },
      ],
      status: {},
    });
    expect(receiver.spans[0]?.status).toEqual({ code: 2 });
  });

  it('wait in a queue with an end, and what is over it is counted', async () => {
    const { sender, counts } = send(receiver.url);
    for (let n = 0; n < 5000; n++) sender.add(span(n));
    expect(counts.dropped).toBe(5000 - 2048);
    await sender.stop();
    expect(counts.sent).toBe(2048);
  });

  it('are given up when the receiver refuses or is away, and nobody waits for it', async () => {
    receiver.setStatus(503);
    const refused = send(receiver.url);
    refused.sender.add(span(0));
    await refused.sender.stop();
    expect(refused.counts).toEqual({ sent: 0, dropped: 0, failed: 1 });
    receiver.setStatus(200);
    const away = send('http://127.0.0.1:1/v1/traces');
    away.sender.add(span(0));
    await away.sender.stop();
    expect(away.counts.failed).toBe(1);
  });
});
