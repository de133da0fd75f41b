import { campaignSchema } from '../../core/campaign.ts';
import { type Random, seededRandom } from '../../core/random.ts';
import type { Trial } from './arena.ts';
import { diurnalShape, type Market, marketCost, shapeAt, syntheticMarket } from './market.ts';
import { REPLAY_DAY_MS } from './replay.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = REPLAY_DAY_MS;
const NOON = START + 12 * HOUR;

export interface Scenario {
  readonly name: string;
  /** What is special about it. */
  readonly says: string;
  trial(seed: number, auctions: number): Trial;
}

export interface Shape {
  readonly intensity?: (atMs: number) => number;
  readonly priceFactor?: (atMs: number) => number;
  readonly clickFactor?: (atMs: number) => number;
  readonly knownShape?: readonly number[];
  readonly days?: number;
  readonly startMs?: number;
  readonly endMs?: number;
}

/** A synthetic market of one or more days; day and night unless told otherwise. */
export function market(name: string, shape: Shape, auctions: number, random: Random): Market {
  const startMs = shape.startMs ?? START;
  const endMs = shape.endMs ?? startMs + DAY * (shape.days ?? 1);
  const intensity = shape.intensity ?? ((at: number) => shapeAt(diurnalShape, at));
  return syntheticMarket({ name, auctions, startMs, endMs, ...shape, intensity }, random);
}

export function between(fromMs: number, toMs: number, factor: number): (atMs: number) => number {
  return (at) => (at >= fromMs && at < toMs ? factor : 1);
}

/** A synthetic scenario at 1/16 of the market's cost and 10 s of delay, changed by `more`. */
function synthetic(
  name: string,
  says: string,
  shape: Shape,
  more: (market: Market) => Partial<Trial> = () => ({}),
): Scenario {
  return {
    name,
    says,
    trial(seed, auctions) {
      const made = market(name, shape, auctions, seededRandom(seed));
      return { ...usual(made, seed), ...more(made) };
    },
  };
}

function usual(made: Market, seed: number): Trial {
  return {
    market: made,
    budgetNanos: Math.floor(marketCost(made) / 16),
    delayMs: 10_000,
    noticeLoss: 0,
    firstPrice: false,
    seed,
  };
}

function budgetChange(factor: number): (made: Market) => Partial<Trial> {
  return (made) => {
    const dailyMicros = Math.floor((marketCost(made) / 16_000) * factor);
    const entity = campaignSchema.parse({
      id: 10,
      advertiserId: 1,
      name: 'Campaign',
      budget: { dailyMicros },
      flight: { startMs: made.startMs, endMs: made.endMs },
    });
    return {
      finalBudgetNanos: dailyMicros * 1000,
      happenings: [{ atMs: NOON, what: { change: { kind: 'campaign', entity } } }],
    };
  };
}

const dayOf = (at: number): number => shapeAt(diurnalShape, at);
const flat = (): number => 1;
const FLAT = Array.from({ length: 96 }, () => 1);
const REVERSED = diurnalShape.map((_, slot) => diurnalShape[(slot + 48) % 96]!);
const quarterHours: readonly [number, number] = [NOON, NOON + HOUR / 4];

/** Everything that must not throw the pacer off, one at a time. */
export const scenarios: readonly Scenario[] = [
  synthetic('steady', 'the same traffic all day', { intensity: flat, knownShape: FLAT }),
  synthetic('diurnal', 'day and night as forecast', {}),
  synthetic('spike', 'five times the traffic for an hour', {
    intensity: (at) => dayOf(at) * between(NOON, NOON + HOUR, 5)(at),
  }),
  synthetic('drop', '80 % less traffic for three hours', {
    intensity: (at) => dayOf(at) * between(NOON, NOON + 3 * HOUR, 0.2)(at),
  }),
  synthetic('prices × 1.5', 'competition raises prices by half at noon', {
    priceFactor: (at) => (at >= NOON ? 1.5 : 1),
  }),
  synthetic('clicks × 0.5', 'predicted click rates halve at noon', { clickFactor: (at) => (at >= NOON ? 0.5 : 1) }),
  synthetic('outage', 'no traffic at all for an hour', {
    intensity: (at) => dayOf(at) * between(NOON, NOON + HOUR, 0)(at),
  }),
  synthetic('store and log down', 'no feedback for 15 minutes', {}, () => ({
    silence: quarterHours,
    happenings: [
      { atMs: NOON, what: { storeDownUntilMs: quarterHours[1] } },
      { atMs: NOON, what: { logDownUntilMs: quarterHours[1] } },
    ],
  })),
  synthetic('bidder killed', 'one of two bidders dies at noon and is replaced', {}, () => ({
    nodes: 2,
    happenings: [{ atMs: NOON, what: { kill: 0 } }],
  })),
  synthetic('pacer restarted', 'the pacer dies at noon and starts from its own messages', {}, () => ({
    happenings: [{ atMs: NOON, what: { restartPacer: true } }],
  })),
  synthetic('budget + 50 %', 'raised at noon', {}, budgetChange(1.5)),
  synthetic('budget − 50 %', 'lowered at noon', {}, budgetChange(0.5)),
  synthetic(
    'clock change',
    'a day of 25 hours in Berlin',
    { startMs: Date.parse('2026-10-24T22:00:00Z'), endMs: Date.parse('2026-10-25T23:00:00Z') },
    () => ({ timeZone: 'Europe/Berlin' }),
  ),
  synthetic(
    'clock change, 23 h',
    'a day of 23 hours in Berlin',
    { startMs: Date.parse('2026-03-28T23:00:00Z'), endMs: Date.parse('2026-03-29T22:00:00Z') },
    () => ({ timeZone: 'Europe/Berlin' }),
  ),
  synthetic('seven-day lifetime', 'one budget for a week', { days: 7 }, () => ({ budget: 'lifetime' })),
  synthetic('wrong forecast', 'the forecast has day and night the wrong way round', { knownShape: REVERSED }),
  synthetic('repeated feedback', 'a third of all notices arrive twice and out of order', {}, () => ({
    noticeRepeat: 0.33,
  })),
];
