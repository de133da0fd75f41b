import { advertiserSchema, campaignSchema, lineItemSchema } from '../../core/campaign.ts';
import { seededRandom } from '../../core/random.ts';
import type { SpendRow } from '../../core/spend.ts';
import { createPacerCore } from '../pacercore.ts';
import { pacerDefaults } from '../pacerstate.ts';
import { REPLAY_DAY_MS } from './replay.ts';

export interface RoundCost {
  readonly lineItems: number;
  readonly medianMs: number;
  /** Results of before have none. */
  readonly p99Ms?: number;
  readonly worstMs: number;
}

const CAMPAIGNS = 2500;
const LINES_EACH = 4;
const NODES = ['00000001', '00000002'];
const WARM_UP = 30;

/** CPU of one control round with 10,000 active line items in 2,500 campaigns, two bidders and feedback in every round. */
export function measureRound(rounds: number): RoundCost {
  const random = seededRandom(3);
  const core = createPacerCore(pacerDefaults);
  core.change({ kind: 'advertiser', entity: advertiserSchema.parse({ id: 1, name: 'A' }) });
  for (let c = 1; c <= CAMPAIGNS; c++) {
    const entity = campaignSchema.parse({ id: c, advertiserId: 1, name: 'C', budget: { dailyMicros: 50_000_000 } });
    core.change({ kind: 'campaign', entity });
    for (let l = 0; l < LINES_EACH; l++)
      core.change({
        kind: 'line_item',
        entity: lineItemSchema.parse({
          id: c * 10 + l,
          campaignId: c,
          name: 'L',
          budget: { dailyMicros: 20_000_000 },
          goal: { type: 'cpm', bidCpmMicros: 2_000_000 },
        }),
      });
  }
  const costs: number[] = [];
  let nowMs = REPLAY_DAY_MS + 8 * 3_600_000;
  for (let at = 0; at < WARM_UP + rounds; at++, nowMs += 1000) {
    for (const node of NODES) core.stats(stats(node, at, nowMs, random.next));
    if (at % 5 === 0)
      core.cohorts(rows(nowMs, random.next), nowMs - (nowMs % 60_000) - 1_200_000, nowMs + 60_000, nowMs);
    const before = process.cpuUsage();
    const messages = core.round(nowMs);
    const { user, system } = process.cpuUsage(before);
    for (const message of messages) core.acknowledge(message.owner, message.epoch);
    if (at >= WARM_UP) costs.push((user + system) / 1000);
  }
  costs.sort((a, b) => a - b);
  return {
    lineItems: CAMPAIGNS * LINES_EACH,
    medianMs: costs[costs.length >> 1]!,
    p99Ms: costs[Math.ceil(0.99 * costs.length) - 1]!,
    worstMs: costs.at(-1)!,
  };
}

function stats(
  node: string,
  sequence: number,
  nowMs: number,
  draw: () => number,
): Parameters<ReturnType<typeof createPacerCore>['stats']>[0] {
  const lineItems = [];
  for (let c = 1; c <= CAMPAIGNS; c++)
    for (let l = 0; l < LINES_EACH; l++) {
      // Most line items see little: fewer than 50 wins a day.
      if (draw() > 0.1) continue;
      const matched = Math.floor(draw() * 20);
      const bids = Math.floor(matched / 2);
      lineItems.push({ lineItemId: c * 10 + l, campaignId: c, matched, bids, bidNanos: bids * 1_000_000, reasons: {} });
    }
  return {
    v: 1,
    node,
    sequence,
    fromMs: nowMs - 1000,
    toMs: nowMs,
    requests: 10_000,
    answered: 0,
    errors: 0,
    latency: null,
    noBids: {},
    lineItems,
    cells: [],
    final: false,
  };
}

function rows(nowMs: number, draw: () => number): SpendRow[] {
  const bucketMs = nowMs - (nowMs % 60_000);
  const found: SpendRow[] = [];
  for (let c = 1; c <= CAMPAIGNS; c++) {
    if (draw() > 0.1) continue;
    found.push({
      advertiserId: 1,
      campaignId: c,
      lineItemId: c * 10,
      node: NODES[c % 2]!,
      bucketMs,
      billedNanos: 700_000n,
      bills: 1,
      wins: 1,
      impressions: 1,
      clicks: 0,
      conversions: 0,
    });
  }
  return found;
}
