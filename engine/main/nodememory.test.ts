import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { lineItemSchema } from '../../core/campaign.ts';
import { manualClock } from '../../core/clock.ts';
import type { LoggedEvent } from '../../core/event.ts';
import type { LogRecord } from '../../core/eventlog.ts';
import { type BidToken, signToken } from '../../core/token.ts';
import { defaultBidderConfig } from '../config.ts';
import { compileCaps, isLineCapped } from '../users/caps.ts';
import { readEvidence } from '../value/evidence.ts';
import { createNodeMemory, type NodeMemory } from './nodememory.ts';
import { createSpendGuard } from './spendguard.ts';

const key = { id: 1, secret: Buffer.from('node memory test key, 32 bytes!!') };
const directory = mkdtempSync(join(tmpdir(), 'evenkeel-memory-'));
const path = join(directory, 'memory');
const NOW = 1_700_000_000_000;
const item = lineItemSchema.parse({
  id: 100,
  campaignId: 10,
  name: 'line',
  goal: { type: 'cpm', bidCpmMicros: 1 },
  frequencyCaps: [{ impressions: 2, per: 'day' }],
});

const genuine: BidToken = {
  bidId: '',
  bidAtMs: NOW,
  capNanos: 1000,
  advertiserId: 1,
  campaignId: 10,
  lineItemId: 100,
  creativeId: 1000,
  billingEvent: 'bill',
  test: false,
  user: '00000001000000ff',
  exchange: 'demo',
  dealId: '',
  domain: 'news.example',
  country: '',
  region: '',
  os: '',
  deviceType: 0,
  mtype: 1,
  w: 0,
  h: 0,
};

function start(clock = manualClock(NOW)) {
  const config = {
    ...defaultBidderConfig,
    tokenKeys: [key],
    users: { ...defaultBidderConfig.users, capBuckets: 64 },
    learning: { path, evidenceBuckets: 64, marketRows: 4 },
  };
  const memory = createNodeMemory(config, clock, createSpendGuard(0));
  memory.onCampaigns([{ change: { kind: 'line_item', entity: item }, slot: 0 }]);
  return memory;
}

function record(
  offset: number,
  bid: number,
  change: Partial<LoggedEvent> = {},
  ofToken: Partial<BidToken> = {},
): LogRecord {
  const token: BidToken = { ...genuine, bidId: bid.toString(16).padStart(24, '0'), ...ofToken };
  const event = { v: 1, type: 'impression', token: signToken(token, key), atMs: NOW, ...change };
  return { offset, key: token.bidId, value: Buffer.from(JSON.stringify(event)), appendedMs: NOW };
}

const isCapped = (memory: NodeMemory): boolean => {
  const caps = compileCaps(item);
  const user = Uint32Array.of(1, 255);
  return (
    caps !== null && isLineCapped(memory.learned.caps, caps, user, null, item, { line: 0, campaign: 0 }, NOW / 1000)
  );
};

describe('what a node remembers', () => {
  afterEach(() => rmSync(path, { force: true }));

  it('counts genuine impressions in time, and nothing else', () => {
    const memory = start();
    const other = { id: 1, secret: Buffer.from('somebody else’s key of 32 bytes!') };
    const forged = record(1, 1);
    const event = JSON.parse(String(forged.value));
    const text = signToken({ ...genuine, bidId: 'f'.repeat(24) }, other);
    memory.onEvents(
      [
        record(0, 1),
        { ...forged, value: Buffer.from(JSON.stringify({ ...event, token: text })) },
        record(2, 2, { atMs: NOW + 2 * 3_600_000 }),
        record(3, 3, { type: 'bill' }),
        record(4, 4, {}, { test: true }),
        { ...forged, value: Buffer.from('not JSON') },
        { ...forged, value: Buffer.from('null') },
        { ...forged, value: null },
        record(8, 1),
      ],
      0,
    );
    expect(memory.stats()).toEqual({ counted: 1, repeated: 1, givenUp: 0 });
    expect(isCapped(memory)).toBe(false);
    expect(memory.startAt(0)).toBe(9);
    memory.onEvents([record(9, 9)], 0);
    expect(isCapped(memory)).toBe(true);
  });

  it('goes on after a restart where it stopped, counts once, and keeps what it learned', async () => {
    const clock = manualClock(NOW);
    const first = start(clock);
    expect(first.startAt(0)).toBeUndefined();
    first.onEvents([record(0, 1), record(1, 1, { type: 'click' })], 0);
    clock.advance(61_000);
    await first.tick();
    // Killed here: what was not saved is still in the log.
    first.onEvents([record(2, 2)], 0);
    const second = start();
    expect([second.fault, second.startAt(0), isCapped(second)]).toEqual(['', 2, false]);
    second.onEvents([record(2, 2)], 0);
    expect(isCapped(second)).toBe(true);
    const seen = { impressions: 0, clicks: 0, conversions: 0 };
    readEvidence(second.learned.evidence, 2, 1000, 0, seen);
    expect(seen).toEqual({ impressions: 2, clicks: 1, conversions: 0 });
    await second.close();
    expect(start().startAt(0)).toBe(3);
  });

  it('forgets the caps of a line item that is gone', () => {
    const memory = start();
    memory.onCampaigns([{ deleted: 'line_item:100' }, { deleted: 'campaign:10' }]);
    memory.onEvents([record(0, 1), record(1, 2), record(2, 3)], 0);
    expect(isCapped(memory)).toBe(false);
  });
});
