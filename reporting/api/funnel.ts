import { Hono } from 'hono';
import type { Campaign } from '../../core/campaign.ts';
import type { PacingStatus } from '../../core/pacingstatus.ts';
import { type NoBidReason, noBidReasons, type Stage, stages } from '../../core/reasons.ts';
import { REPORT_STEP_MS, type ReportQuery, reportQuerySchema } from '../../core/report.ts';
import type { ApiEnv, Services } from './context.ts';
import { find } from './entities.ts';
import type { Gate } from './gate.ts';
import { type PacingSource, statusOf } from './pacing.ts';
import { invalidField } from './problem.ts';
import { type Hindrance, hindrances } from './rules.ts';

/** From eligible traffic to impressions: what was lost at each stage, and the one sentence that matters. */
export interface Funnel {
  readonly fromMs: number;
  readonly toMs: number;
  /** Impressions on offer that its targeting matched. */
  readonly matched: number;
  readonly stages: readonly FunnelStage[];
  readonly bids: number;
  readonly wins: number;
  readonly impressions: number;
  readonly sentence: string;
}

export interface FunnelStage {
  readonly stage: Stage;
  readonly lost: number;
  readonly reasons: readonly { readonly reason: string; readonly says: string; readonly count: number }[];
}

export interface FunnelCounts {
  readonly matched: number;
  readonly bids: number;
  readonly wins: number;
  readonly impressions: number;
  readonly noBids: ReadonlyMap<string, number>;
}

const stageSentences: Readonly<Partial<Record<Stage, string>>> = {
  targeting: 'Most of the traffic is outside its targeting or its hours.',
  privacy: 'Most of the matching traffic may not be used for privacy reasons.',
  caps: 'Most of the people it could reach have seen it often enough: loosen the frequency cap or widen the targeting.',
  blocks: 'Most publishers it matches block its category, domain or kind of creative.',
  floor: 'Its bid is below the floor price of most of the traffic: raise the bid.',
  pacing: 'It is held back on purpose, so that the budget lasts the day.',
  budget: 'Its budget has no credit left for most of the traffic.',
  creative: 'No approved creative fits most of the traffic: add more sizes.',
  auction: 'It bids, but another of the line items here is usually worth more.',
};

/** Where one reason says more than its stage. */
const reasonSentences: Readonly<Partial<Record<NoBidReason, string>>> = {
  unpaced:
    'Bidders have not heard yet how fast it may spend: that takes some seconds after a start. If it stays so, tell your operator.',
  unsupported_currency:
    'Its bids could not be converted: an operator gives a rate for the currency of the account in the setting "currencies".',
};

/** `GET /campaigns/:id/funnel?hours=1` */
export function funnelRoutes(services: Services, pacing: PacingSource | null, gate: Gate): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get('/campaigns/:id/funnel', async (c) => {
    const campaign = find(services, 'campaign', c);
    const hours = Number(c.req.query('hours') ?? '1');
    if (!Number.isInteger(hours) || hours < 1 || hours > 168)
      throw invalidField('hours', 'must be a whole number from 1 to 168');
    const nowMs = services.clock.nowMs();
    const toMs = Math.ceil((nowMs + 1) / REPORT_STEP_MS) * REPORT_STEP_MS;
    const fromMs = toMs - hours * 3_600_000;
    const counts = await gate.run(() => countFunnel(services, campaign, fromMs, toMs));
    const paced = statusOf(pacing, 'campaign', campaign.id) ?? null;
    const sentence = explainFunnel(counts, hindrances(services.directory, campaign, nowMs), paced);
    const { matched, bids, wins, impressions } = counts;
    return c.json({
      fromMs,
      toMs,
      matched,
      stages: stagesOf(counts.noBids),
      bids,
      wins,
      impressions,
      sentence,
    } satisfies Funnel);
  });
  return app;
}

async function countFunnel(
  services: Services,
  campaign: Campaign,
  fromMs: number,
  toMs: number,
): Promise<FunnelCounts> {
  const ask = async (query: Partial<ReportQuery>) => {
    const filter = { campaign: [campaign.id] };
    const { rows } = await services.reports.query(reportQuerySchema.parse({ fromMs, toMs, filter, ...query }));
    return rows;
  };
  const [[bid], [event], reasons] = await Promise.all([
    ask({ metrics: ['matched', 'bids'] }),
    ask({ metrics: ['wins', 'impressions'] }),
    ask({ dimensions: ['noBidReason'], metrics: ['lineItemNoBids'] }),
  ]);
  return {
    matched: Number(bid?.metrics.matched ?? 0),
    bids: Number(bid?.metrics.bids ?? 0),
    wins: Number(event?.metrics.wins ?? 0),
    impressions: Number(event?.metrics.impressions ?? 0),
    // The line items' own reasons: the requests' belong to no campaign.
    noBids: new Map(
      reasons.map((row) => [String(row.dimensions.noBidReason ?? ''), Number(row.metrics.lineItemNoBids ?? 0)]),
    ),
  };
}

/** Losses by stage, in the order of the funnel; stages without losses are left out. */
export function stagesOf(noBids: ReadonlyMap<string, number>): readonly FunnelStage[] {
  const found: FunnelStage[] = [];
  for (const stage of stages) {
    const reasons = [...noBids]
      .filter(([reason, count]) => count > 0 && noBidReasons[reason as NoBidReason]?.stage === stage)
      .map(([reason, count]) => ({ reason, says: noBidReasons[reason as NoBidReason].says, count }))
      .sort((a, b) => b.count - a.count);
    if (reasons.length > 0) found.push({ stage, lost: reasons.reduce((sum, { count }) => sum + count, 0), reasons });
  }
  return found;
}

/** Bids lowered to less than this are what is below the floor, and not the bid that was set. */
const LOWERED_PPM = 500_000;

/** The one sentence: what stands in the way by settings, else where most traffic is lost, else what the pacer says. */
export function explainFunnel(
  counts: FunnelCounts,
  blocked: readonly Hindrance[],
  paced: Pick<PacingStatus, 'explanation' | 'multiplierPpm'> | null,
): string {
  const { matched, bids, wins, impressions, noBids } = counts;
  const pacing = paced?.explanation ?? null;
  if (blocked[0] !== undefined) return blocked[0].message;
  const lost = stagesOf(noBids);
  if (matched === 0 && bids === 0 && lost.length === 0)
    return 'No traffic matched its targeting in this time: widen the targeting.';
  const total = bids + lost.reduce((sum, stage) => sum + stage.lost, 0);
  const worst = [...lost].sort((a, b) => b.lost - a.lost)[0];
  if (worst?.stage === 'floor' && worst.lost > total / 2 && paced !== null && paced.multiplierPpm < LOWERED_PPM) {
    // A higher bid would be lowered all the same.
    const percent = Math.round(paced.multiplierPpm / 10_000);
    return `It bids at ${percent} % of its value, so that the budget lasts, and most floor prices are above that. ${pacing}`.trim();
  }
  if (worst !== undefined && worst.lost > total / 2 && worst.stage !== 'pacing') {
    return sentenceOf(worst);
  }
  if (bids > 100 && wins < bids / 50) return 'It bids, but loses almost every auction: others pay more. Raise the bid.';
  if (wins > 100 && impressions < wins / 2)
    return 'It wins, but fewer than half of the wins are shown: ask the exchange about its rendering.';
  if (pacing !== null && pacing !== '') return pacing;
  if (worst?.stage === 'pacing' && worst.lost > total / 2) return sentenceOf(worst);
  return 'It is delivering; nothing stands out.';
}

function sentenceOf({ stage, reasons }: FunnelStage): string {
  const { reason, says } = reasons[0]!;
  return reasonSentences[reason as NoBidReason] ?? stageSentences[stage] ?? says;
}
