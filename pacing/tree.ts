import { localDay } from '../core/budgetday.ts';
import type { Advertiser, Campaign, LineItem, PacingPlan } from '../core/campaign.ts';
import { microsToNanos } from '../core/money.ts';
import type { CampaignChange } from '../core/topics.ts';

export type LevelKind = 'account' | 'campaign' | 'line_item';

/** One level of the budget tree: what may carry a budget. */
export interface Level {
  readonly key: string;
  readonly kind: LevelKind;
  readonly id: number;
  readonly advertiserId: number;
  /** 0 for an account. */
  readonly campaignId: number;
  readonly timeZone: string;
  readonly dailyNanos: bigint | null;
  readonly lifetimeNanos: bigint | null;
  readonly plan: PacingPlan;
  readonly flightStartMs: number;
  readonly flightEndMs: number | null;
}

/** Why a line item does not bid now; null when it does. */
export type Blocked = 'not_running' | 'no_budget' | null;

/** What is kept of a line item: the rest, most of it targeting, would be a million values to walk for the collector. */
type Item = Pick<LineItem, 'id' | 'campaignId' | 'status' | 'flight' | 'budget' | 'pacing'> & {
  readonly maxBidNanos: number;
};

export interface Line {
  readonly item: Item;
  readonly level: Level;
  /** Levels with a budget on its path, outermost first. */
  readonly budgets: readonly Level[];
  /** The most one bid of it can cost, nanos. */
  readonly maxBidNanos: number;
}

export interface Tree {
  apply(change: CampaignChange): void;
  remove(key: string): void;
  lines(): readonly Line[];
  levels(): readonly Level[];
  campaignIds(): readonly number[];
  blocked(line: Line, nowMs: number): Blocked;
  /** When the next flight begins or ends; infinite when none will. */
  nextFlightMs(nowMs: number): number;
}

/** The entities of the `campaigns` topic, as the pacer needs them. Rebuilt when one changes. */
export function createTree(): Tree {
  const advertisers = new Map<number, Advertiser>();
  const campaigns = new Map<number, Campaign>();
  const items = new Map<number, Item>();
  let built: { lines: Line[]; levels: Level[] } | null = null;

  function build(): { lines: Line[]; levels: Level[] } {
    const levels = new Map<string, Level>();
    const lines: Line[] = [];
    for (const item of items.values()) {
      const campaign = campaigns.get(item.campaignId);
      const advertiser = campaign && advertisers.get(campaign.advertiserId);
      if (campaign === undefined || advertiser === undefined) continue;
      const path = [
        level('account', advertiser.id, advertiser, null, null),
        level('campaign', campaign.id, advertiser, campaign, null),
        level('line_item', item.id, advertiser, campaign, item),
      ];
      // A shared level follows the plan of its line items when they agree, and the traffic otherwise.
      const known = path.map((one) => {
        const before = levels.get(one.key);
        const merged =
          before && before.plan !== item.pacing
            ? { ...before, plan: 'even' as const }
            : (before ?? { ...one, plan: item.pacing });
        levels.set(one.key, merged);
        return merged;
      });
      lines.push({
        item,
        level: known[2]!,
        budgets: known.filter(hasBudget),
        maxBidNanos: item.maxBidNanos,
      });
    }
    // Merging may have replaced a level after a line took it.
    const settled = lines.map((line) => ({
      ...line,
      level: levels.get(line.level.key)!,
      budgets: line.budgets.map((one) => levels.get(one.key)!),
    }));
    return { lines: settled, levels: [...levels.values()] };
  }

  function tree(): { lines: Line[]; levels: Level[] } {
    built ??= build();
    return built;
  }

  return {
    apply(change) {
      if (change.kind === 'advertiser') advertisers.set(change.entity.id, change.entity);
      else if (change.kind === 'campaign') campaigns.set(change.entity.id, change.entity);
      else if (change.kind === 'line_item') items.set(change.entity.id, itemOf(change.entity));
      else return;
      built = null;
    },
    remove(key) {
      const [kind, id] = key.split(':');
      if (kind === 'advertiser') advertisers.delete(Number(id));
      else if (kind === 'campaign') campaigns.delete(Number(id));
      else if (kind === 'line_item') items.delete(Number(id));
      else return;
      built = null;
    },
    lines: () => tree().lines,
    levels: () => tree().levels,
    campaignIds: () => [...campaigns.keys()],
    nextFlightMs(nowMs) {
      let next = Number.POSITIVE_INFINITY;
      for (const { flight } of [...campaigns.values(), ...items.values()])
        for (const at of [flight.startMs, flight.endMs]) if (at !== null && at > nowMs && at < next) next = at;
      return next;
    },
    blocked(line, nowMs) {
      const campaign = campaigns.get(line.item.campaignId);
      const advertiser = campaign && advertisers.get(campaign.advertiserId);
      const running = [line.item, campaign, advertiser].every((one) => one?.status === 'active');
      if (!running || !inFlight(line.item.flight, nowMs) || (campaign && !inFlight(campaign.flight, nowMs)))
        return 'not_running';
      return line.budgets.length === 0 ? 'no_budget' : null;
    },
  };
}

function itemOf({ id, campaignId, status, flight, budget, pacing, goal }: LineItem): Item {
  const maxBidNanos = goal.type === 'cpm' ? goal.bidCpmMicros : goal.maxCpmMicros;
  return { id, campaignId, status, flight, budget, pacing, maxBidNanos };
}

function inFlight(flight: { startMs: number; endMs: number | null }, nowMs: number): boolean {
  return nowMs >= flight.startMs && (flight.endMs === null || nowMs < flight.endMs);
}

function hasBudget(level: Level): boolean {
  return level.dailyNanos !== null || level.lifetimeNanos !== null;
}

function level(
  kind: LevelKind,
  id: number,
  advertiser: Advertiser,
  campaign: Campaign | null,
  item: Item | null,
): Level {
  const { budget } = item ?? campaign ?? advertiser;
  const ends = [item?.flight.endMs, campaign?.flight.endMs].filter((end): end is number => typeof end === 'number');
  return {
    key: `${kind}:${id}`,
    kind,
    id,
    advertiserId: advertiser.id,
    campaignId: campaign?.id ?? 0,
    timeZone: advertiser.timeZone,
    dailyNanos: budget.dailyMicros === null ? null : microsToNanos(budget.dailyMicros),
    lifetimeNanos: budget.lifetimeMicros === null ? null : microsToNanos(budget.lifetimeMicros),
    plan: item?.pacing ?? 'even',
    flightStartMs: Math.max(item?.flight.startMs ?? 0, campaign?.flight.startMs ?? 0),
    flightEndMs: ends.length === 0 ? null : Math.min(...ends),
  };
}

/** One budget cell of a level that is open now. */
export interface OpenCell {
  readonly name: string;
  readonly budgetNanos: bigint;
  readonly fromMs: number;
  /** When the budget's period ends: what the plan spreads over. */
  readonly toMs: number;
  /** The end moves along with the clock, because there is none. */
  readonly rolling: boolean;
}

/** A lifetime budget without an end of flight is spread over this. */
const OPEN_FLIGHT_MS = 30 * 86_400_000;

/** The cells of a level at an instant: lifetime, then the advertiser's present day. Days have 23 to 25 hours. */
export function openCells(level: Level, nowMs: number): OpenCell[] {
  const cells: OpenCell[] = [];
  if (level.lifetimeNanos !== null)
    cells.push({
      name: `${level.key}:lifetime`,
      budgetNanos: level.lifetimeNanos,
      fromMs: level.flightStartMs,
      toMs: level.flightEndMs ?? nowMs + OPEN_FLIGHT_MS,
      rolling: level.flightEndMs === null,
    });
  if (level.dailyNanos !== null) {
    const day = localDay(level.timeZone, nowMs);
    cells.push({
      name: `${level.key}:${day.date}`,
      budgetNanos: level.dailyNanos,
      fromMs: Math.max(day.startMs, level.flightStartMs),
      toMs: Math.min(day.endMs, level.flightEndMs ?? day.endMs),
      rolling: false,
    });
  }
  return cells;
}
