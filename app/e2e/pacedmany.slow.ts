import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Clock, scaledClock, systemClock } from '../../core/clock.ts';
import type { PacingStatus } from '../../core/pacingstatus.ts';
import { seededRandom } from '../../core/random.ts';
import { startTraffic } from '../../loadtest/demo.ts';
import { createCampaigns } from './campaigns.case.ts';
import { callApi, type System, startSystem } from './processes.case.ts';

const DAY_MS = 86_400_000;
/**
 * How long the day takes. In five minutes half a second of the machine's time is two and a half minutes of the day's, so
 * that all feedback is late; `EVENKEEL_PACED_DAY_MINUTES=15` plays one in which most of it is later by less than a minute.
 */
const MINUTES = Number(process.env.EVENKEEL_PACED_DAY_MINUTES ?? 5);
const SCALE = 1440 / MINUTES;
const RPS = MINUTES > 10 ? 100 : 200;
/** From a few dozen impressions to about a thousand in five minutes, to two thousand in fifteen. */
const SMALLEST_MICROS = (RPS * MINUTES * 60) / 3;
const BUDGETS = Array.from({ length: 24 }, (_, at) => Math.round(SMALLEST_MICROS * 1.14 ** at));
const LIMIT_MS = (MINUTES + 10) * 60_000;
/** Of five bids one wins; a hundredth of the others' notices is lost, and each locks its price. */
const STRICT_USED = 0.85;
const COMPETITOR_MEDIAN_CPM = 0.6;
const COMPETITOR_SIGMA = 0.9;

interface Spent {
  nanos: number;
  /** Of each win: when it was in the day (0 to 1), and its price. */
  readonly wins: { readonly at: number; readonly nanos: number }[];
}

interface Day {
  readonly campaigns: readonly { readonly id: number; readonly budgetNanos: number; readonly spent: Spent }[];
  /** The campaigns' last of the day. */
  readonly statuses: readonly PacingStatus[];
  /** What the report says was billed for bids of the day, nanos by campaign. */
  readonly reported: ReadonlyMap<number, bigint>;
  /** Share of the day's requests that had come, by share of the day. */
  readonly traffic: readonly { readonly at: number; readonly share: number }[];
  readonly auctions: number;
}

/** The true time at which the scaled clock shows `shownMs` at the true time `nowMs`. */
function originFor(shownMs: number, nowMs: number, scale: number): number {
  return nowMs - (shownMs - nowMs) / (scale - 1);
}

/** A day of 24 campaigns through bid endpoint, log, ClickHouse and pacer, with notices late and some lost. */
async function playDay(mode: 'standard' | 'strict', seed: number): Promise<Day> {
  const midnightMs = Math.ceil((Date.now() + DAY_MS) / DAY_MS) * DAY_MS;
  const originMs = Math.floor(originFor(midnightMs - STARTING_MS * SCALE, Date.now(), SCALE));
  const clock = scaledClock(originMs, SCALE);
  const system = await startSystem([
    `--time-scale=${SCALE}`,
    `--time-origin-ms=${originMs}`,
    `--budget-mode=${mode}`,
    `--reservation-timeout-ms=${8_000 * SCALE}`,
  ]);
  try {
    return await watchDay(system, clock, midnightMs, mode, seed);
  } finally {
    expect(await system.stop()).toEqual([0, 0]);
  }
}

/** Processes start and campaigns are made before the day begins. */
const STARTING_MS = 30_000;

async function watchDay(system: System, clock: Clock, midnightMs: number, mode: string, seed: number): Promise<Day> {
  const ids = await createCampaigns(
    system,
    BUDGETS.map((dailyMicros, at) => ({
      name: `Campaign ${at}`,
      dailyMicros,
      pacing: at % 2 === 0 ? 'even' : 'even_time',
      cpmMicros: [3_000_000],
    })),
  );
  const spent = new Map<string, Spent>(ids.map((id) => [String(id), { nanos: 0, wins: [] }]));
  const at = (): number => (clock.nowMs() - midnightMs) / DAY_MS;
  // Nothing is bid the evening before: the day is a campaign's first, from its first request on.
  while (at() < 0) await pause(10);
  const run = startTraffic(
    {
      url: `${system.bidUrl}/openrtb2/bid/demo`,
      rps: RPS,
      // A busy machine's late answers are bids of which nobody tells: that is not what is looked at here.
      tmaxMs: 1000,
      // Every request is one that every campaign may bid for, without floors: hindsight can be computed.
      mix: { videoShare: 0, nativeShare: 0, multiImpShare: 0, dealShare: 0, floorMedianCpm: 0.001 },
      market: {
        competitorMedianCpm: COMPETITOR_MEDIAN_CPM,
        competitorSigma: COMPETITOR_SIGMA,
        renderShare: 1,
        // Half a second of the machine's time is some minutes of the market's.
        noticeDelayMs: 300,
        renderDelayMs: 200,
        lossShare: 0.01,
        duplicateShare: 0.05,
        reorderShare: 0.05,
      },
    },
    {
      clock: systemClock,
      random: seededRandom(seed),
      onWin(campaign, nanos) {
        const share = at();
        const found = spent.get(campaign);
        if (found === undefined || share < 0 || share >= 1) return;
        found.nanos += nanos;
        found.wins.push({ at: share, nanos });
      },
    },
  );
  const seen: { at: number; requests: number }[] = [];
  let statuses: readonly PacingStatus[] = [];
  for (let now = at(); now < 1; now = at()) {
    seen.push({ at: now, requests: run.status().requests });
    const ofDay = (await pacingOf(system)).filter((one) => one.level === 'campaign' && one.fromMs === midnightMs);
    if (ofDay.length === ids.length) statuses = ofDay;
    trace(mode, now, ofDay);
    await pause(500);
  }
  const auctions = run.status().requests - (seen[0]?.requests ?? 0);
  await run.stop({ deliver: true });
  return {
    reported: await billedOf(system, midnightMs),
    campaigns: ids.map((id, n) => ({ id, budgetNanos: BUDGETS[n]! * 1000, spent: spent.get(String(id))! })),
    statuses,
    traffic: seen.map(({ at: share, requests }) => ({
      at: share,
      share: (requests - seen[0]!.requests) / Math.max(1, auctions),
    })),
    auctions,
  };
}

/** Empty when the API can not be asked just now: the next look will do. */
async function pacingOf(system: System): Promise<readonly PacingStatus[]> {
  try {
    return (await callApi<{ items: PacingStatus[] }>(system, '/api/v1/pacing')).items;
  } catch {
    return [];
  }
}

/** One line per look and campaign, for whoever wants to see how the day went: `EVENKEEL_PACED_DAY_TRACE=FILE`. */
function trace(mode: string, at: number, statuses: readonly PacingStatus[]): void {
  const file = process.env.EVENKEEL_PACED_DAY_TRACE;
  if (file === undefined) return;
  appendFileSync(file, statuses.map((one) => `${JSON.stringify({ mode, at, ...one })}\n`).join(''));
}

/** What the report says was billed for bids of the day, by campaign, once all of it has come in. */
async function billedOf(system: System, midnightMs: number): Promise<ReadonlyMap<number, bigint>> {
  const query = new URLSearchParams({
    from: String(midnightMs),
    to: String(midnightMs + DAY_MS),
    metrics: 'spendNanos',
    dimensions: 'campaign',
    granularity: 'none',
  });
  let last = '';
  for (;;) {
    const { rows } = await callApi<{ rows: { campaign: number; spendNanos: string }[] }>(
      system,
      `/api/v1/reports?${query}`,
    );
    const text = JSON.stringify(rows);
    // The log has drained when two looks, three seconds apart, agree.
    if (text === last) return new Map(rows.map((row) => [Number(row.campaign), BigInt(row.spendNanos)]));
    last = text;
    await pause(3000);
  }
}

/** Largest distance of the spend curve from the curve of the traffic that came. */
function ksOf(spent: Spent, traffic: Day['traffic']): number {
  let sum = 0;
  let next = 0;
  let worst = 0;
  for (const { at, share } of traffic) {
    while (next < spent.wins.length && spent.wins[next]!.at <= at) sum += spent.wins[next++]!.nanos;
    worst = Math.max(worst, Math.abs(sum / Math.max(1, spent.nanos) - share));
  }
  return worst;
}

/** Wins that one constant bid would have bought with the whole budget: the best there is where all auctions are alike. */
function hindsightWins(auctions: number, budgetNanos: number): number {
  const winShare = (cpm: number): number => normalCdf(Math.log(cpm / COMPETITOR_MEDIAN_CPM) / COMPETITOR_SIGMA);
  let low = 0.001;
  let high = 100;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (auctions * winShare(middle) * middle * 1e6 <= budgetNanos) low = middle;
    else high = middle;
  }
  return auctions * winShare(low);
}

/** Zelen and Severo's approximation, Abramowitz and Stegun 26.2.17: within 7.5e-8. */
function normalCdf(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const tail =
    (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return z >= 0 ? 1 - tail : tail;
}

function report(name: string, day: Day): { used: number; value: number; ks: number; forecastKs: number; wins: number } {
  const budget = day.campaigns.reduce((sum, one) => sum + one.budgetNanos, 0);
  const all: Spent = {
    nanos: day.campaigns.reduce((sum, one) => sum + one.spent.nanos, 0),
    wins: day.campaigns.flatMap((one) => one.spent.wins).sort((a, b) => a.at - b.at),
  };
  const found = {
    used: all.nanos / budget,
    value: all.wins.length / hindsightWins(day.auctions, Math.min(budget, all.nanos)),
    ks: ksOf(all, day.traffic),
    wins: all.wins.length,
    forecastKs: Math.max(...day.traffic.map(({ at, share }) => Math.abs(at - share))),
  };
  const rows = day.campaigns.map(({ budgetNanos, spent }) =>
    [
      (budgetNanos / 1e9).toFixed(4),
      `used ${(spent.nanos / budgetNanos).toFixed(4)}`,
      `wins ${spent.wins.length}`,
      `KS ${ksOf(spent, day.traffic).toFixed(3)}`,
    ].join('  '),
  );
  console.log([name, ...rows, JSON.stringify({ ...found, auctions: day.auctions })].join('\n'));
  return found;
}

/** What a campaign may gain by lost notices: a hundredth of its wins, four standard deviations of that, and one win. */
function lostShare(wins: number): number {
  return 0.01 + 4 * Math.sqrt(0.01 / Math.max(1, wins)) + 2 / Math.max(1, wins);
}

/** How far a curve of so many wins is from the one they are drawn from, by chance alone, but once in a hundred times. */
function chanceKs(wins: number): number {
  return 1.63 / Math.sqrt(Math.max(1, wins));
}

/**
 * A quarter of an hour or more is held to the bars for late feedback. In five minutes, with feedback 200 to 600 s late
 * and the machine's hiccups minutes long, value 0.87 and KS 0.06 above the forecast's were measured (docs/pacing.md).
 */
const bars = MINUTES > 10 ? { used: 0.97, value: 0.9, ks: 0.03 } : { used: 0.97, value: 0.8, ks: 0.1 };

function nothingIsBilledAbove(day: Day): void {
  for (const { id, budgetNanos } of day.campaigns) {
    expect(day.reported.has(id)).toBe(true);
    expect(day.reported.get(id)).toBeLessThanOrEqual(BigInt(budgetNanos));
  }
}

describe(`a day of 24 campaigns in ${MINUTES} minutes, notices late and one in a hundred lost`, () => {
  describe('in standard mode', () => {
    let day: Day;
    let all: ReturnType<typeof report>;
    beforeAll(async () => {
      day = await playDay('standard', 7);
      all = report('standard', day);
    }, LIMIT_MS);

    it('delivers no more than the budget and what was lost of its notices', () => {
      for (const { budgetNanos, spent } of day.campaigns)
        expect(spent.nanos / budgetNanos).toBeLessThan(1 + lostShare(spent.wins.length));
    });

    it('bills nothing above any budget', () => nothingIsBilledAbove(day));

    it('uses the budgets', () => {
      expect(all.used).toBeGreaterThan(bars.used);
      // One more win does not fit where few make the whole budget.
      for (const { budgetNanos, spent } of day.campaigns)
        expect(spent.nanos / budgetNanos).toBeGreaterThan(bars.used - 3 / Math.max(3, spent.wins.length));
    });

    it('buys what one constant bid would have bought', () => {
      expect(all.value).toBeGreaterThan(bars.value);
    });

    it('spends along the traffic', () => {
      expect(all.ks).toBeLessThan(all.forecastKs + bars.ks + chanceKs(all.wins));
    });
  });

  describe('in strict mode', () => {
    let day: Day;
    beforeAll(async () => {
      day = await playDay('strict', 8);
      report('strict', day);
    }, LIMIT_MS);

    it('delivers nothing above any budget', () => {
      for (const { budgetNanos, spent } of day.campaigns) expect(spent.nanos).toBeLessThanOrEqual(budgetNanos);
    });

    it('bills nothing above any budget', () => nothingIsBilledAbove(day));

    it('uses what is not locked by lost notices', () => {
      const locked = day.statuses.reduce((sum, one) => sum + Number(one.reservedNanos), 0);
      const used = day.campaigns.reduce((sum, one) => sum + one.spent.nanos, 0);
      const budget = day.campaigns.reduce((sum, one) => sum + one.budgetNanos, 0);
      console.log(JSON.stringify({ used: used / budget, locked: locked / budget }));
      expect((used + locked) / budget).toBeGreaterThan(bars.used);
      expect(used / budget).toBeGreaterThan(STRICT_USED);
    });
  });
});
