import { parseArgs } from 'node:util';
import { systemClock } from '../../core/clock.ts';
import { eventKey, type LoggedEvent } from '../../core/event.ts';
import type { EventLog, NewRecord } from '../../core/eventlog.ts';
import { type Random, seededRandom } from '../../core/random.ts';
import { type BidToken, signToken } from '../../core/token.ts';
import { createEmbeddedLog } from '../log/embedded.ts';
import { createKafkaLog } from '../log/kafka.ts';
import { benchKey } from './bench.ts';

/** A process that appends events at a fixed rate, as bidders do: a win, a bill and an impression of each bid. */
const { values } = parseArgs({
  options: {
    dir: { type: 'string' },
    kafka: { type: 'string' },
    prefix: { type: 'string' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
  },
});
const EVENTS_PER_BID = 3;
const STEP_MS = 20;
const MAX_APPENDS = 20;
const MAX_BIDS = 2000;

const log: EventLog =
  values.kafka === undefined
    ? createEmbeddedLog({ dir: values.dir ?? '' }, { clock: systemClock })
    : await createKafkaLog({ brokers: [values.kafka], topicPrefix: values.prefix ?? '', partitions: 4 });
const random = seededRandom(1);
const perMs = Number(values.rate) / 1000 / EVENTS_PER_BID;
const startedMs = systemClock.monotonicMs();
const endMs = startedMs + Number(values.seconds) * 1000;
let bids = 0;
const appends = new Set<Promise<void>>();
for (;;) {
  const nowMs = systemClock.monotonicMs();
  if (nowMs >= endMs) break;
  // A machine that cannot keep up appends less, and the result says so.
  const due = appends.size > MAX_APPENDS ? bids : Math.min(bids + MAX_BIDS, Math.floor((nowMs - startedMs) * perMs));
  const records: NewRecord[] = [];
  while (bids < due) records.push(...eventsOf(bids++, random, systemClock.nowMs()));
  if (records.length > 0) {
    const append = log.append('events', records).finally(() => appends.delete(append));
    appends.add(append);
  }
  await new Promise((resolve) => setTimeout(resolve, STEP_MS));
}
await Promise.all(appends);
process.stdout.write(`appended ${bids * EVENTS_PER_BID}\n`);
await log.close();

function eventsOf(counter: number, random: Random, nowMs: number): NewRecord[] {
  const campaignId = 1 + (counter % 20);
  const token: BidToken = {
    bidId: `0000be7c00000000${counter.toString(16).padStart(8, '0')}`,
    bidAtMs: nowMs - 800,
    capNanos: 2_500_000,
    advertiserId: 1 + (campaignId % 4),
    campaignId,
    lineItemId: campaignId * 10 + (counter % 3),
    creativeId: campaignId * 100 + (counter % 7),
    billingEvent: 'bill',
    test: false,
    user: Math.floor(random.next() * 0xffffffff)
      .toString(16)
      .padStart(16, '0'),
    exchange: 'demo',
    dealId: '',
    domain: `site${Math.floor(random.next() * 300)}.example`,
    country: ['USA', 'DEU', 'FRA', 'GBR'][counter % 4]!,
    region: `R${counter % 16}`,
    os: ['ios', 'android', 'windows'][counter % 3]!,
    deviceType: 1 + (counter % 5),
    mtype: 1,
    w: 300,
    h: 250,
  };
  const signed = signToken(token, benchKey);
  return (['win', 'bill', 'impression'] as const).map((type) => {
    const event: LoggedEvent = {
      v: 1,
      type,
      token: signed,
      atMs: nowMs,
      priceNanos: 1_000_000 + (counter % 1000),
      lossCode: null,
      minToWinNanos: null,
      ip: '203.0.113.0',
      ua: type === 'impression' ? 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15' : '',
      detail: '',
      conversion: null,
    };
    return { key: eventKey(event, token.bidId), value: Buffer.from(JSON.stringify(event)) };
  });
}
