import { type BilledStatus, billed } from '../../core/bill.ts';
import { localDay } from '../../core/budgetday.ts';
import type { Budget, Campaign, Status } from '../../core/campaign.ts';
import type { Clock } from '../../core/clock.ts';
import { microsToNanos } from '../../core/money.ts';
import {
  REPORT_STEP_MS,
  type ReportQuery,
  type ReportRow,
  type Reports,
  reportQuerySchema,
} from '../../core/report.ts';
import { type Directory, entityKinds } from './directory.ts';
import type { Principal } from './keys.ts';
import type { PacingSource } from './pacing.ts';
import { type Hindrance, hindrances } from './rules.ts';

/** One campaign as the overview shows it. Money: exact nanos as decimal strings; null where there is no such budget. */
export interface LiveCampaign {
  readonly id: number;
  readonly name: string;
  readonly advertiserId: number;
  readonly advertiserName: string;
  readonly currency: string;
  readonly timeZone: string;
  readonly status: Status;
  /** Since the advertiser's local midnight. */
  readonly today: LiveCounts;
  readonly lifetime: LiveCounts;
  readonly dailyBudgetNanos: string | null;
  readonly lifetimeBudgetNanos: string | null;
  /** What should be spent by now: the pacer's plan, or an even spread of the day's budget while there is no pacer. */
  readonly plannedNanos: string | null;
  /** What the pacer says about the campaign; null when it does not say anything. */
  readonly pacing: Pick<
    BilledStatus,
    'state' | 'plan' | 'explanation' | 'forecastNanos' | 'budgetNanos' | 'billedNanos' | 'overDeliveredNanos'
  > | null;
  readonly dayEndMs: number;
  readonly hindrances: readonly Hindrance[];
}

export interface LiveCounts {
  readonly impressions: number;
  readonly clicks: number;
  readonly spendNanos: string;
}

export interface LiveMinute extends LiveCounts {
  readonly timeMs: number;
}

export interface LiveSummary {
  readonly nowMs: number;
  /** When the numbers were read; older than a few seconds when the store does not answer. */
  readonly readMs: number;
  readonly campaigns: readonly LiveCampaign[];
  /** Campaigns left out because there are too many for one page. */
  readonly omitted: number;
  /** The last hour, all visible campaigns together. */
  readonly minutes: readonly LiveMinute[];
}

export interface LiveBoard {
  /** The board as this caller may see it. Rejects only when nothing could ever be read. */
  summary(principal: Principal): Promise<LiveSummary>;
  /** What was read before, without waiting for the store; null when nothing was in the last minute. */
  known(principal: Principal): LiveSummary | null;
}

interface Numbers {
  readonly readMs: number;
  readonly today: ReadonlyMap<number, LiveCounts>;
  readonly lifetime: ReadonlyMap<number, LiveCounts>;
  readonly lifetimeMs: number;
  readonly minutes: readonly (LiveMinute & { readonly advertiserId: number })[];
}

const METRICS = ['impressions', 'clicks', 'spendNanos'] as const;
const ZERO: LiveCounts = { impressions: 0, clicks: 0, spendNanos: '0' };
const HOUR_MS = 3_600_000;
const MAX_CAMPAIGNS = 500;
const MAX_AGE_MS = 900;
/** Sums over all time are read less often: they cost most and change least. */
const LIFETIME_AGE_MS = 10_000;
/** Older numbers are worse than a moment of none. */
const KNOWN_AGE_MS = 60_000;

/** Reads the numbers of all campaigns at most once a second, whatever the number of viewers. */
export function createLiveBoard(
  directory: Directory,
  reports: Reports,
  pacing: PacingSource | null,
  clock: Clock,
): LiveBoard {
  let latest: Numbers | undefined;
  let reading: Promise<Numbers> | undefined;

  const read = async (): Promise<Numbers> => {
    if (latest !== undefined && clock.nowMs() - latest.readMs < MAX_AGE_MS) return latest;
    reading ??= readNumbers(directory, reports, clock.nowMs(), latest).finally(() => {
      reading = undefined;
    });
    try {
      latest = await reading;
    } catch (error) {
      if (latest === undefined) throw error;
    }
    return latest;
  };

  const summaryOf = (numbers: Numbers, principal: Principal): LiveSummary => {
    const nowMs = clock.nowMs();
    const sees = (id: number): boolean => principal.advertiserId === null || principal.advertiserId === id;
    const visible = [...directory.all('campaign')].filter(
      (campaign) => sees(campaign.advertiserId) && campaign.status !== 'archived',
    );
    const paced = new Map(
      billed(pacing?.statuses() ?? [])
        .filter((status) => status.level === 'campaign')
        .map((status) => [status.id, status]),
    );
    const ranked = visible.sort((a, b) => rank(b, numbers) - rank(a, numbers) || a.id - b.id);
    return {
      nowMs,
      readMs: numbers.readMs,
      campaigns: ranked
        .slice(0, MAX_CAMPAIGNS)
        .map((campaign) => liveCampaign(directory, campaign, numbers, paced.get(campaign.id), nowMs)),
      omitted: Math.max(0, ranked.length - MAX_CAMPAIGNS),
      minutes: mergeMinutes(numbers.minutes.filter((minute) => sees(minute.advertiserId))),
    };
  };

  return {
    summary: async (principal) => summaryOf(await read(), principal),
    known: (principal) =>
      latest === undefined || clock.nowMs() - latest.readMs > KNOWN_AGE_MS ? null : summaryOf(latest, principal),
  };
}

/** Delivering campaigns first, those that spend most on top. */
function rank(campaign: Campaign, numbers: Numbers): number {
  return (campaign.status === 'active' ? 1e15 : 0) + Number(numbers.today.get(campaign.id)?.spendNanos ?? 0) / 1000;
}

async function readNumbers(
  directory: Directory,
  reports: Reports,
  nowMs: number,
  before: Numbers | undefined,
): Promise<Numbers> {
  const toMs = (Math.floor(nowMs / REPORT_STEP_MS) + 1) * REPORT_STEP_MS;
  const ask = (query: Partial<ReportQuery>) =>
    reports.query(reportQuerySchema.parse({ fromMs: 0, toMs, metrics: [...METRICS], ...query }));
  const zones = new Set([...directory.all('advertiser')].map((advertiser) => advertiser.timeZone));
  const stillGood = before !== undefined && nowMs - before.lifetimeMs < LIFETIME_AGE_MS;
  const minuteMs = Math.floor((nowMs - HOUR_MS) / 60_000) * 60_000;
  // All at once: a page waits for the slowest of them, not for their sum.
  const [days, lifetime, minutes] = await Promise.all([
    Promise.all(
      [...zones].map(async (zone) => {
        const { rows } = await ask({ fromMs: localDay(zone, nowMs).startMs, dimensions: ['campaign'] });
        return { zone, rows };
      }),
    ),
    stillGood ? before.lifetime : ask({ dimensions: ['campaign'] }).then(({ rows }) => byCampaign(rows)),
    ask({ fromMs: minuteMs, granularity: 'minute', dimensions: ['advertiser'] }),
  ]);
  const today = new Map<number, LiveCounts>();
  for (const { zone, rows } of days) {
    for (const row of rows) {
      const campaign = directory.get('campaign', Number(row.dimensions.campaign));
      const advertiser = campaign && directory.get('advertiser', campaign.advertiserId);
      if (advertiser?.timeZone === zone) today.set(campaign!.id, counts(row));
    }
  }
  return {
    readMs: nowMs,
    today,
    lifetime,
    lifetimeMs: stillGood ? before.lifetimeMs : nowMs,
    minutes: minutes.rows.map((row) => ({
      ...counts(row),
      timeMs: row.timeMs,
      advertiserId: Number(row.dimensions.advertiser),
    })),
  };
}

function byCampaign(rows: readonly ReportRow[]): ReadonlyMap<number, LiveCounts> {
  return new Map(rows.map((row) => [Number(row.dimensions.campaign), counts(row)]));
}

function counts(row: ReportRow): LiveCounts {
  return {
    impressions: Number(row.metrics.impressions ?? 0),
    clicks: Number(row.metrics.clicks ?? 0),
    spendNanos: String(row.metrics.spendNanos ?? '0'),
  };
}

/** Sums over all time are read less often than today's, and never shown below them. */
function atLeast(lifetime: LiveCounts, today: LiveCounts): LiveCounts {
  return BigInt(lifetime.spendNanos) < BigInt(today.spendNanos) ? today : lifetime;
}

function mergeMinutes(minutes: readonly LiveMinute[]): readonly LiveMinute[] {
  const byTime = new Map<number, LiveMinute>();
  for (const { timeMs, impressions, clicks, spendNanos } of minutes) {
    const sum = byTime.get(timeMs) ?? { timeMs, ...ZERO };
    byTime.set(timeMs, {
      timeMs,
      impressions: sum.impressions + impressions,
      clicks: sum.clicks + clicks,
      spendNanos: (BigInt(sum.spendNanos) + BigInt(spendNanos)).toString(),
    });
  }
  return [...byTime.values()].sort((a, b) => a.timeMs - b.timeMs);
}

function liveCampaign(
  directory: Directory,
  campaign: Campaign,
  numbers: Numbers,
  status: BilledStatus | undefined,
  nowMs: number,
): LiveCampaign {
  const advertiser = directory.get('advertiser', campaign.advertiserId);
  const timeZone = advertiser?.timeZone ?? 'UTC';
  const day = localDay(timeZone, nowMs);
  const daily = limitOf(directory, campaign, 'dailyMicros');
  const lifetime = limitOf(directory, campaign, 'lifetimeMicros');
  return {
    id: campaign.id,
    name: campaign.name,
    advertiserId: campaign.advertiserId,
    advertiserName: advertiser?.name ?? '',
    currency: advertiser?.currency ?? 'USD',
    timeZone,
    status: campaign.status,
    today: numbers.today.get(campaign.id) ?? ZERO,
    lifetime: atLeast(numbers.lifetime.get(campaign.id) ?? ZERO, numbers.today.get(campaign.id) ?? ZERO),
    dailyBudgetNanos: daily?.toString() ?? null,
    lifetimeBudgetNanos: lifetime?.toString() ?? null,
    plannedNanos:
      daily === null ? null : (status?.plannedNanos ?? plannedNanos(daily, campaign, day, nowMs).toString()),
    pacing: status === undefined ? null : pacingOf(status),
    dayEndMs: day.endMs,
    hindrances: hindrances(directory, campaign, nowMs),
  };
}

function pacingOf(status: BilledStatus): LiveCampaign['pacing'] {
  const { state, plan, explanation, forecastNanos, budgetNanos, billedNanos, overDeliveredNanos } = status;
  return { state, plan, explanation, forecastNanos, budgetNanos, billedNanos, overDeliveredNanos };
}

/** The limit that binds a campaign: its own, or the sum of its line items' when each of them has one. */
function limitOf(directory: Directory, campaign: Campaign, field: keyof Budget): bigint | null {
  const lineItems = directory
    .childrenOf('campaign', campaign.id)
    .map((id) => directory.get('line_item', id)!)
    .filter((lineItem) => lineItem.status !== 'archived');
  const own = campaign.budget[field];
  const limits = lineItems.map((lineItem) => lineItem.budget[field]);
  const below = limits.length === 0 || limits.includes(null) ? null : limits.reduce<number>((sum, n) => sum + n!, 0);
  const limit = own === null ? below : below === null ? own : Math.min(own, below);
  return limit === null ? null : microsToNanos(limit);
}

function plannedNanos(
  budget: bigint,
  campaign: Campaign,
  day: { startMs: number; endMs: number },
  nowMs: number,
): bigint {
  const fromMs = Math.max(day.startMs, campaign.flight.startMs);
  const toMs = Math.min(day.endMs, campaign.flight.endMs ?? day.endMs);
  if (nowMs <= fromMs || toMs <= fromMs) return 0n;
  return (budget * BigInt(Math.min(nowMs, toMs) - fromMs)) / BigInt(toMs - fromMs);
}

/** How many entities the view holds, by kind, for status pages. */
export function entityCounts(directory: Directory): Record<string, number> {
  return Object.fromEntries(entityKinds.map((kind) => [kind, [...directory.all(kind)].length]));
}
