import type { LiveCampaign } from './liveboard.ts';

/** What can be wrong, and how it is said. Codes are stable; webhooks carry them. */
export const alertCodes = [
  'under_pacing',
  'over_pacing',
  'no_impressions',
  'click_rate_jump',
  'invalid_traffic_jump',
  'budget_nearly_spent',
  'creative_rejected',
  'log_lag',
  'sla_breach',
  'reports_late',
] as const;
export type AlertCode = (typeof alertCodes)[number];

export interface Finding {
  readonly code: AlertCode;
  readonly severity: 'warning' | 'critical';
  readonly message: string;
  /** null for what concerns operators alone. */
  readonly campaignId: number | null;
  readonly advertiserId: number | null;
}

export interface AlertConfig {
  /** How long a campaign must be off its plan, ms. Default 10 minutes. */
  readonly pacingAfterMs: number;
  /** How long without an impression, ms. Default 10 minutes. */
  readonly silentAfterMs: number;
  /** Share of the lifetime budget, percent. Default 90. */
  readonly budgetPercent: number;
  /** Events not yet ingested. Default 50,000. */
  readonly maxLag: number;
  /** p99 inside the bid server, ms. Default 30. */
  readonly maxP99Ms: number;
  /** Bid requests of the last minute answered with an error, percent. Default 0.1. */
  readonly maxErrorPercent: number;
  /** Invalid among received events of ten minutes, percent. Default 20. */
  readonly invalidPercent: number;
}

export const alertDefaults: AlertConfig = {
  pacingAfterMs: 600_000,
  silentAfterMs: 600_000,
  budgetPercent: 90,
  maxLag: 50_000,
  maxP99Ms: 30,
  maxErrorPercent: 0.1,
  invalidPercent: 20,
};

/** One look at a campaign's counters. */
export interface Sample {
  readonly atMs: number;
  readonly impressions: number;
  readonly clicks: number;
  readonly state: string;
}

const CLICK_WINDOW_MS = 600_000;
const MIN_CLICKS = 20;

/** What is wrong with one campaign now, from its samples (oldest first, the present one last). */
export function campaignFindings(
  campaign: LiveCampaign,
  samples: readonly Sample[],
  config: AlertConfig,
): readonly Finding[] {
  if (campaign.status !== 'active' || campaign.hindrances.length > 0 || samples.length === 0) return [];
  const found: Finding[] = [];
  const add = (code: AlertCode, severity: Finding['severity'], message: string): void => {
    found.push({ code, severity, message, campaignId: campaign.id, advertiserId: campaign.advertiserId });
  };
  const now = samples.at(-1)!;
  const off = heldFor(samples, (sample) => /^behind/.test(sample.state));
  if (off >= config.pacingAfterMs)
    add('under_pacing', 'warning', `${campaign.name} is behind its plan: ${campaign.pacing?.explanation ?? ''}`);
  const ahead = heldFor(samples, (sample) => sample.state === 'ahead');
  if (ahead >= config.pacingAfterMs)
    add('over_pacing', 'warning', `${campaign.name} is ahead of its plan: ${campaign.pacing?.explanation ?? ''}`);
  const silent = heldFor(samples, (sample) => sample.impressions === now.impressions);
  const wanted = !['budget_spent', 'not_running', 'no_budget'].includes(now.state);
  if (wanted && silent >= config.silentAfterMs) {
    add(
      'no_impressions',
      'critical',
      `${campaign.name} has had no impression for ${Math.round(silent / 60_000)} minutes.`,
    );
  }
  const jump = clickJump(samples);
  if (jump !== null)
    add('click_rate_jump', 'warning', `The click rate of ${campaign.name} jumped to ${jump} times what it was.`);
  if (campaign.lifetimeBudgetNanos !== null) {
    const percent = Number((BigInt(campaign.lifetime.spendNanos) * 100n) / BigInt(campaign.lifetimeBudgetNanos));
    if (percent >= config.budgetPercent)
      add('budget_nearly_spent', 'warning', `${campaign.name} has spent ${percent} % of its whole budget.`);
  }
  return found;
}

/** For how long, up to the last sample, a condition held without a break, ms. */
export function heldFor(samples: readonly Sample[], holds: (sample: Sample) => boolean): number {
  const last = samples.at(-1);
  if (last === undefined || !holds(last)) return 0;
  let sinceMs = last.atMs;
  for (const sample of [...samples].reverse()) {
    if (!holds(sample)) break;
    sinceMs = sample.atMs;
  }
  return last.atMs - sinceMs;
}

/** How many times the click rate of the last ten minutes is that of the time before; null below three times. */
function clickJump(samples: readonly Sample[]): number | null {
  const last = samples.at(-1)!;
  const middle = samples.findLast((sample) => sample.atMs <= last.atMs - CLICK_WINDOW_MS);
  const first = samples[0]!;
  if (middle === undefined || middle === first) return null;
  const recent = { clicks: last.clicks - middle.clicks, impressions: last.impressions - middle.impressions };
  const before = { clicks: middle.clicks - first.clicks, impressions: middle.impressions - first.impressions };
  if (recent.clicks < MIN_CLICKS || recent.impressions <= 0 || before.clicks <= 0) return null;
  const times = recent.clicks / recent.impressions / (before.clicks / before.impressions);
  return times >= 3 ? Math.round(times) : null;
}
