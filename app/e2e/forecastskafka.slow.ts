import pino from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { advertiserSchema, campaignSchema, lineItemSchema } from '../../core/campaign.ts';
import { manualClock } from '../../core/clock.ts';
import type { EventLog } from '../../core/eventlog.ts';
import { type ForecastMemory, forecastMemorySchema } from '../../core/forecastmemory.ts';
import { type BidStats, campaignChangeKey, type PacingMessage, type TopicName } from '../../core/topics.ts';
import { startPacer } from '../../pacing/pacer.ts';
import { createPacerMetrics } from '../../pacing/pacermetrics.ts';
import { createBroker, kafkaMissing, type TestBroker } from '../../reporting/log/broker.case.ts';
import { createKafkaLog } from '../../reporting/log/kafka.ts';
import { until } from './processes.case.ts';

const NOON = Date.parse('2026-11-24T12:00:00Z');
const MINUTE = 60_000;
const MINUTES = 5;
const A_MINUTE = 600;
const WITHIN_MS = 60_000;
const BROKEN = '{"v":1,';

describe.runIf(kafkaMissing() === null)('what a pacer has learned of traffic, on a real Kafka broker', () => {
  let broker: TestBroker;
  let log: EventLog;
  const clock = manualClock(NOON);
  const pacing: PacingMessage[] = [];
  const forecasts = new Map<string, ForecastMemory | null>();
  const spend = { spend: async () => [] };

  beforeAll(async () => {
    broker = await createBroker();
    await broker.start();
    log = await createKafkaLog({ brokers: [broker.address], sessionTimeoutMs: 6000 });
    await read('pacing', (_, value) => void pacing.push(JSON.parse(String(value))));
    await read('forecasts', (key, value) => {
      if (value === null) forecasts.set(key, null);
      else if (value.toString() !== BROKEN)
        forecasts.set(key, forecastMemorySchema.parse(JSON.parse(value.toString())));
    });
    await put(
      'campaigns',
      [
        { kind: 'advertiser' as const, entity: advertiserSchema.parse({ id: 1, name: 'A' }) },
        {
          kind: 'campaign' as const,
          entity: campaignSchema.parse({ id: 10, advertiserId: 1, name: 'C', budget: { dailyMicros: 5_000_000 } }),
        },
        {
          kind: 'line_item' as const,
          entity: lineItemSchema.parse({
            id: 100,
            campaignId: 10,
            name: 'L',
            goal: { type: 'cpm', bidCpmMicros: 1_000_000 },
          }),
        },
      ].map((one) => [campaignChangeKey(one), one] as const),
    );
  });
  afterAll(async () => {
    await log?.close();
    await broker?.remove();
  });

  async function read(topic: TopicName, onRecord: (key: string, value: Buffer | null) => void): Promise<void> {
    await log.consume({
      topic,
      group: null,
      maxBatchRecords: 1000,
      start: async () => 0,
      onBatch: async ({ records }) => {
        for (const { key, value } of records) onRecord(key, value);
      },
      onError: (error) => {
        throw error;
      },
    });
  }

  function put(topic: TopicName, records: readonly (readonly [string, unknown])[]): Promise<void> {
    return log.append(
      topic,
      records.map(([key, value]) => ({ key, value: Buffer.from(JSON.stringify(value)) })),
    );
  }

  const start = () =>
    startPacer(
      { roundMs: 50 },
      { log, clock, spend, logger: pino({ level: 'silent' }), metrics: createPacerMetrics(new Registry()) },
    );

  function reportOf(toMs: number): BidStats {
    return {
      v: 1,
      node: '0000000a',
      sequence: toMs,
      fromMs: toMs - MINUTE,
      toMs,
      requests: A_MINUTE,
      answered: 0,
      errors: 0,
      latency: null,
      noBids: {},
      lineItems: [{ lineItemId: 100, campaignId: 10, matched: A_MINUTE, bids: 0, bidNanos: 0, reasons: {} }],
      cells: [],
      final: false,
    };
  }

  /** Some minutes of traffic in the hands of one pacer. @returns eligible auctions it expects for the rest of the day */
  async function watch(): Promise<number> {
    const before = pacing.at(-1)?.epoch ?? 0;
    const pacer = await start();
    await until(async () => (pacing.at(-1)?.epoch ?? 0) > before, WITHIN_MS, 'a message of the new pacer');
    for (let minute = 0; minute < MINUTES; minute++) {
      clock.advance(MINUTE);
      await put('bidstats', [['0000000a', reportOf(clock.nowMs())]]);
      await until(async () => (pacing.at(-1)?.issuedMs ?? 0) >= clock.nowMs(), WITHIN_MS, 'a round of that minute');
    }
    const rest = pacer.status().find(({ level }) => level === 'campaign')?.eligibleRest ?? 0;
    await pacer.stop();
    return rest;
  }

  it('is written when it stops, and the pacer after it goes on from there', async () => {
    await watch();
    await until(async () => forecasts.size === 2, WITHIN_MS, 'both levels are written');
    const first = forecasts.get('campaign:10')!;
    expect([...forecasts.keys()].sort()).toEqual(['campaign:10', 'platform']);
    expect(first.traffic.seenLong).toBeGreaterThan(A_MINUTE);
    const rest = await watch();
    await until(async () => forecasts.get('campaign:10')!.atMs > first.atMs, WITHIN_MS, 'it is written again');
    expect(forecasts.get('campaign:10')!.traffic.watchedMs).toBeGreaterThan(1.5 * first.traffic.watchedMs);
    expect(rest / (A_MINUTE * (12 * 60 - 2 * MINUTES))).toBeGreaterThan(0.9);
    expect(rest / (A_MINUTE * (12 * 60 - 2 * MINUTES))).toBeLessThan(1.1);
  });

  it('that can not be read is left out, and a level that is gone is deleted', async () => {
    await log.append('forecasts', [{ key: 'line_item:9', value: Buffer.from(BROKEN) }]);
    const pacer = await start();
    await log.append('campaigns', [{ key: 'line_item:100', value: null }]);
    await until(async () => forecasts.get('campaign:10') === null, WITHIN_MS, 'the campaign’s forecast is deleted');
    await pacer.stop();
  });
});
