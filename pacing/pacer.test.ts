import pino from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { advertiserSchema, campaignSchema, lineItemSchema, type Status } from '../core/campaign.ts';
import { manualClock } from '../core/clock.ts';
import type { ForecastMemory } from '../core/forecastmemory.ts';
import type { BidStats, CampaignChange, PacingMessage } from '../core/topics.ts';
import { campaignChangeKey } from '../core/topics.ts';
import { memoryLog } from './memorylog.case.ts';
import { standByPacer, startPacer } from './pacer.ts';
import { createPacerMetrics } from './pacermetrics.ts';

const NOON = Date.parse('2026-11-24T12:00:00Z');

function setup() {
  const log = memoryLog();
  const clock = manualClock(NOON);
  const spend = { down: false, spend: async () => (spend.down ? Promise.reject(new Error('down')) : []) };
  const metrics = createPacerMetrics(new Registry());
  const start = () => startPacer({ roundMs: 20 }, { log, clock, spend, logger: pino({ level: 'silent' }), metrics });
  const change = (...changes: CampaignChange[]) =>
    log.append(
      'campaigns',
      changes.map((one) => ({ key: campaignChangeKey(one), value: Buffer.from(JSON.stringify(one)) })),
    );
  const report = (node: string, sequence: number, cells: BidStats['cells'] = []) =>
    log.append('bidstats', [
      { key: node, value: Buffer.from(JSON.stringify(stats(node, sequence, clock.nowMs(), cells))) },
    ]);
  const last = (owner: string) =>
    (log.values('pacing') as PacingMessage[]).filter((message) => message.owner === owner).at(-1);
  return { log, clock, spend, metrics, start, change, report, last };
}

function stats(node: string, sequence: number, nowMs: number, cells: BidStats['cells']): BidStats {
  return {
    v: 1,
    node,
    sequence,
    fromMs: nowMs - 1000,
    toMs: nowMs,
    requests: 10,
    answered: 0,
    errors: 0,
    latency: null,
    noBids: {},
    lineItems: [{ lineItemId: 100, campaignId: 10, matched: 10, bids: 0, bidNanos: 0, reasons: {} }],
    cells,
    final: false,
  };
}

function campaign(dailyMicros: number, status: Status = 'active'): CampaignChange[] {
  const budget = { dailyMicros };
  return [
    { kind: 'advertiser', entity: advertiserSchema.parse({ id: 1, name: 'A' }) },
    { kind: 'campaign', entity: campaignSchema.parse({ id: 10, advertiserId: 1, name: 'C', budget, status }) },
    {
      kind: 'line_item',
      entity: lineItemSchema.parse({
        id: 100,
        campaignId: 10,
        name: 'L',
        goal: { type: 'cpm', bidCpmMicros: 1_000_000 },
      }),
    },
  ];
}

async function until<T>(look: () => T | undefined | false): Promise<T> {
  for (let tries = 0; tries < 300; tries++) {
    const found = look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('did not happen within 3 s');
}

describe('the live pacer', () => {
  it('leases to a bidder that reports, obeys a pause and a lowered budget, and explains itself', async () => {
    const { start, change, report, last, clock } = setup();
    await change(...campaign(5_000_000));
    const pacer = await start();
    await report('0000000a', 0);
    const grant = await until(() => last('campaign:10')?.grants[0]);
    expect(grant).toMatchObject({ cell: 'campaign:10:2026-11-24', node: '0000000a' });
    expect(BigInt(grant.grantedNanos)).toBeLessThan(5_000_000_000n / 10n);
    expect(last('campaign:10')?.lineItems[0]).toMatchObject({ lineItemId: 100, passPpm: 1_000_000 });

    await change(...campaign(5_000_000, 'paused'));
    await until(() => last('campaign:10')?.lineItems[0]?.passPpm === 0);
    expect(pacer.status()[0]).toMatchObject({ level: 'campaign', state: 'not_running' });

    await change(...campaign(1_000));
    await report('0000000a', 1, [{ cell: 'campaign:10:2026-11-24', confirmedNanos: '2000000', reservedNanos: '0' }]);
    clock.advance(10_000);
    await report('0000000a', 2);
    const stopped = await until(() => {
      const message = last('campaign:10');
      return message?.lineItems[0]?.passPpm === 0 && message.grants[0]?.grantedNanos === '1000000' && message;
    });
    expect(stopped.status?.[0]).toMatchObject({ state: 'budget_spent', overNanos: '1000000' });
    await pacer.stop();
  });

  it('takes over what its predecessor handed out, under a higher epoch', async () => {
    const { start, change, report, last, log } = setup();
    await change(...campaign(10_000));
    const first = await start();
    await report('0000000a', 0);
    await until(() => last('campaign:10')?.grants[0]);
    await first.stop();
    const before = last('campaign:10')!.grants[0]!;
    const second = await start();
    await report('0000000b', 0);
    await until(() => last('campaign:10')?.grants.find((one) => one.node === '0000000b'));
    const epoch = last('campaign:10')!.epoch;
    const messages = (log.values('pacing') as PacingMessage[]).filter((message) => message.epoch === epoch);
    expect(messages.length).toBeLessThan(log.values('pacing').length);
    expect(messages[0]?.grants, 'its first message only repeats').toEqual([before]);
    for (const message of messages) {
      const sum = message.grants.reduce((total, one) => total + BigInt(one.heldNanos ?? one.grantedNanos), 0n);
      expect(sum <= 10_000_000n).toBe(true);
    }
    await second.stop();
  });

  it('reads along as a stand-by, takes over at once, and replaces the one before', async () => {
    const { change, report, last, log, clock, spend } = setup();
    const replaced: string[] = [];
    const standBy = (name: string) =>
      standByPacer(
        { roundMs: 20 },
        {
          log,
          clock,
          spend,
          logger: pino({ level: 'silent' }),
          metrics: createPacerMetrics(new Registry()),
          onReplaced: () => replaced.push(name),
        },
      );
    await change(...campaign(10_000));
    const [first, second] = [await (await standBy('first')).activate(), await standBy('second')];
    await report('0000000a', 0);
    const before = await until(() => last('campaign:10')?.grants[0]);
    const count = log.values('pacing').length;
    const active = await second.activate();
    await until(() => replaced.length > 0);
    expect(replaced).toEqual(['first']);
    const epoch = last('campaign:10')!.epoch;
    const own = (log.values('pacing') as PacingMessage[]).slice(count).filter((message) => message.epoch === epoch);
    expect(own[0]?.grants, 'its first message only repeats').toEqual([before]);
    await Promise.all([first.stop(), active.stop()]);
  });

  it('goes on from what its predecessor has learned of traffic', async () => {
    const { start, change, report, last, log, clock } = setup();
    await change(...campaign(5_000_000));
    const known = (): number => (log.values('forecasts') as ForecastMemory[]).at(-1)?.traffic.watchedMs ?? 0;
    const run = async (): Promise<void> => {
      const before = last('campaign:10')?.epoch ?? 0;
      const pacer = await start();
      await until(() => (last('campaign:10')?.epoch ?? 0) > before);
      for (let minute = 0; minute < 5; minute++) {
        clock.advance(60_000);
        await report('0000000a', clock.nowMs());
        await until(() => (last('campaign:10')?.issuedMs ?? 0) >= clock.nowMs());
      }
      await pacer.stop();
    };
    await run();
    const first = known();
    expect(first).toBeGreaterThan(0);
    await run();
    expect(known()).toBeGreaterThan(1.5 * first);
    expect(log.values('forecasts').length).toBe(4);
  });

  it('passes over a forecast that nobody can read, counts it and deletes it', async () => {
    const { start, change, last, log, metrics } = setup();
    await change(...campaign(5_000_000));
    await log.append('forecasts', [{ key: 'campaign:10', value: Buffer.from('{"v":1,"key":"campaign:10"}') }]);
    const refused = async (): Promise<number> => {
      const before = last('campaign:10')?.epoch ?? 0;
      const pacer = await start();
      await until(() => (last('campaign:10')?.epoch ?? 0) > before);
      await pacer.stop();
      const { values } = await metrics.errors.get();
      return values.find(({ labels }) => labels.what === 'forecasts')?.value ?? 0;
    };
    expect(await refused()).toBe(1);
    expect(log.values('forecasts').at(-1)).toBeNull();
    expect(await refused(), 'at the next start there is nothing to refuse').toBe(1);
  });

  it('goes on without the store', async () => {
    const { start, change, report, last, spend } = setup();
    spend.down = true;
    await change(...campaign(5_000_000));
    const pacer = await start();
    await report('0000000a', 0);
    await until(() => last('campaign:10')?.grants[0]);
    const stale = await until(() => pacer.status().find((one) => one.state === 'stale_feedback'));
    expect(stale.explanation).toContain('The store does not answer');
    await pacer.stop();
  });
});
