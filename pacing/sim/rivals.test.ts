import { expect, it } from 'vitest';
import { advertiserSchema, campaignSchema, lineItemSchema } from '../../core/campaign.ts';
import { seededRandom } from '../../core/random.ts';
import type { CampaignChange } from '../../core/topics.ts';
import type { LineResult } from './lineresult.ts';
import { syntheticMarket } from './market.ts';
import { REPLAY_DAY_MS } from './replay.ts';
import { runWorld } from './world.ts';

const DAY_MS = 86_400_000;
/** A day in five minutes: a second of the machine's is so long. */
const SECOND_MS = 288_000;
const AUCTIONS = 60_000;
const BUDGETS_MICROS = Array.from({ length: 24 }, (_, at) => Math.round((AUCTIONS / 3) * 1.14 ** at));
const VALUE_NANOS = 3_000_000;

/** A day of campaigns that all want the same impressions at the same value, with feedback some minutes late. */
function playRivals(seed: number): LineResult[] {
  const random = seededRandom(seed);
  const day = { name: 'rivals', startMs: REPLAY_DAY_MS, endMs: REPLAY_DAY_MS + DAY_MS };
  const market = syntheticMarket({ ...day, auctions: AUCTIONS, intensity: () => 1 }, random);
  const changes: CampaignChange[] = [{ kind: 'advertiser', entity: advertiserSchema.parse({ id: 1, name: 'A' }) }];
  const lines = BUDGETS_MICROS.map((dailyMicros, at) => {
    const [id, campaignId] = [100 + at, 10 + at];
    const goal = { type: 'cpm', bidCpmMicros: VALUE_NANOS };
    changes.push(
      {
        kind: 'campaign',
        entity: campaignSchema.parse({ id: campaignId, advertiserId: 1, name: 'C', budget: { dailyMicros } }),
      },
      { kind: 'line_item', entity: lineItemSchema.parse({ id, campaignId, name: 'L', goal }) },
    );
    return { lineItemId: id, campaignId, advertiserId: 1, value: () => VALUE_NANOS };
  });
  const result = runWorld({
    market,
    changes,
    lines,
    nodes: 1,
    mode: 'standard',
    firstPrice: false,
    delayMs: SECOND_MS / 2,
    noticeLoss: 0,
    storeLagMs: 1.5 * SECOND_MS,
    random,
    pacer: {
      roundMs: SECOND_MS,
      leaseMs: 4 * SECOND_MS,
      nodeTimeoutMs: 10 * SECOND_MS,
      storeLagMs: 60_000 + 3 * SECOND_MS,
    },
  });
  return lines.map((line) => result.lines.get(line.lineItemId)!);
}

/** Largest distance of spend from spending evenly. */
function ksOf({ byMinute, deliveredNanos }: LineResult): number {
  let sum = 0;
  let worst = 0;
  byMinute.forEach((nanos, at) => {
    sum += nanos;
    worst = Math.max(worst, Math.abs(sum / deliveredNanos - (at + 1) / byMinute.length));
  });
  return worst;
}

it('serves small campaigns along the day, not in turns, though all of them bid for the same impressions', () => {
  const results = playRivals(1);
  results.forEach(({ deliveredNanos }, at) => {
    expect(deliveredNanos).toBeLessThanOrEqual(BUDGETS_MICROS[at]! * 1000);
    expect(deliveredNanos / (BUDGETS_MICROS[at]! * 1000)).toBeGreaterThan(0.93);
  });
  const ks = results.map(ksOf);
  // Of 100 to 800 wins each, chance alone makes 0.03 to 0.09. Where the highest bid takes all: 0.2 and 0.5.
  expect(ks.reduce((sum, one) => sum + one, 0) / ks.length).toBeLessThan(0.14);
  expect(Math.max(...ks)).toBeLessThan(0.25);
});
