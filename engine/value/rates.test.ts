import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Goal } from '../../core/campaign.ts';
import { seededRandom } from '../../core/random.ts';
import {
  addEvidence,
  createEvidence,
  type Evidence,
  fadeEvidence,
  LEVEL,
  type Outcome,
  readEvidence,
} from './evidence.ts';
import { creativeMerit, newAdBoost, type Offer, valueNanos } from './goal.ts';
import { drawRate, type Estimate, estimateRate, meanRate, PRIOR_RATE } from './rates.ts';

const cpc: Goal = { type: 'cpc', targetMicros: 500_000, maxCpmMicros: 20_000_000 };
const offer: Offer = { goal: cpc, exploration: true, lineItemId: 1 };

/** One outcome of an ad, on every level that is learned. */
function learn(
  evidence: Evidence,
  outcome: Outcome,
  lineItemId: number,
  creativeId: number,
  domain = 0,
  times = 1,
): void {
  for (let i = 0; i < times; i++) {
    addEvidence(evidence, LEVEL.all, 0, 0, outcome);
    addEvidence(evidence, LEVEL.lineItem, lineItemId, 0, outcome);
    addEvidence(evidence, LEVEL.creative, creativeId, 0, outcome);
    if (domain !== 0) addEvidence(evidence, LEVEL.creativeOnDomain, creativeId, domain, outcome);
  }
}

function rate(evidence: Evidence, creativeId: number, domain = 0, lineItemId = 1): number {
  const estimate: Estimate = { events: 0, exposure: 1, impressions: 0 };
  estimateRate(evidence, 'click', lineItemId, creativeId, domain, estimate);
  return meanRate(estimate);
}

describe('the evidence table', () => {
  it('counts exactly while it has room, each entry by itself', () => {
    const evidence = createEvidence(256);
    const truth = new Map<string, number>();
    const random = seededRandom(1);
    for (let i = 0; i < 3000; i++) {
      const [id, domain] = [1 + (random.nextUint32() % 20), random.nextUint32() % 5];
      addEvidence(evidence, LEVEL.creativeOnDomain, id, domain, 'impressions');
      truth.set(`${id}/${domain}`, (truth.get(`${id}/${domain}`) ?? 0) + 1);
    }
    const seen = { impressions: 0, clicks: 0, conversions: 0 };
    for (const [key, count] of truth) {
      const [id, domain] = key.split('/').map(Number) as [number, number];
      readEvidence(evidence, LEVEL.creativeOnDomain, id, domain, seen);
      expect(seen).toEqual({ impressions: count, clicks: 0, conversions: 0 });
      readEvidence(evidence, LEVEL.creative, id, domain, seen);
      expect(seen.impressions).toBe(0);
    }
  });

  it('stays bounded, fades, and then has room again', () => {
    const evidence = createEvidence(1);
    for (let id = 1; id <= 100; id++) addEvidence(evidence, LEVEL.creative, id, 0, 'impressions');
    const seen = { impressions: 0, clicks: 0, conversions: 0 };
    const known = (): number => {
      let count = 0;
      for (let id = 1; id <= 100; id++) {
        readEvidence(evidence, LEVEL.creative, id, 0, seen);
        if (seen.impressions > 0) count++;
      }
      return count;
    };
    expect(known()).toBe(8);
    fadeEvidence(evidence, 0.5);
    expect(known()).toBe(8);
    fadeEvidence(evidence, 0.01);
    expect(known()).toBe(0);
  });
});

describe('predicted rates', () => {
  it('begin with the prior, and move from it as evidence comes', () => {
    const evidence = createEvidence(64);
    expect(rate(evidence, 1)).toBeCloseTo(PRIOR_RATE.click, 9);
    learn(evidence, 'impressions', 1, 1, 0, 20_000);
    learn(evidence, 'clicks', 1, 1, 0, 100);
    expect(rate(evidence, 1)).toBeGreaterThan(0.0045);
    expect(rate(evidence, 1)).toBeLessThan(0.0052);
    // A sister in the same line item starts near her line item, a stranger near everybody.
    expect(rate(evidence, 2)).toBeGreaterThan(0.004);
    learn(evidence, 'impressions', 9, 9, 0, 200_000);
    expect(rate(evidence, 3, 0, 5)).toBeLessThan(0.001);
  });

  it('tell domains apart, and trust thin evidence less', () => {
    const evidence = createEvidence(64);
    learn(evidence, 'impressions', 1, 1, 7, 10_000);
    learn(evidence, 'clicks', 1, 1, 7, 40);
    learn(evidence, 'impressions', 1, 1, 8, 10_000);
    learn(evidence, 'impressions', 1, 1, 9, 10);
    expect(rate(evidence, 1, 7)).toBeGreaterThan(0.003);
    expect(rate(evidence, 1, 8)).toBeLessThan(0.0007);
    expect(Math.abs(rate(evidence, 1, 9) / rate(evidence, 1) - 1)).toBeLessThan(0.02);
  });

  it('are closer to the truth than raw rates and than one rate for all', () => {
    const random = seededRandom(3);
    const evidence = createEvidence(1024);
    const truth = Array.from(
      { length: 200 },
      (_, i) => 0.002 * Math.exp(random.next() * 2 - 1) * (i % 20 < 10 ? 0.5 : 1.5),
    );
    const raw = truth.map(() => ({ n: 0, c: 0 }));
    for (let i = 0; i < 100_000; i++) {
      // A few ads get most of the impressions, as in life.
      const ad = Math.floor(200 * random.next() ** 3);
      const line = 1 + (ad % 20);
      learn(evidence, 'impressions', line, 1000 + ad);
      raw[ad]!.n++;
      if (random.next() >= truth[ad]!) continue;
      learn(evidence, 'clicks', line, 1000 + ad);
      raw[ad]!.c++;
    }
    const error = (guess: (ad: number) => number): number =>
      truth.reduce((sum, p, ad) => sum + Math.log(Math.max(guess(ad), 1e-5) / p) ** 2, 0);
    const ours = error((ad) => rate(evidence, 1000 + ad, 0, 1 + (ad % 20)));
    const everybody = raw.reduce((sum, { c }) => sum + c, 0) / 100_000;
    console.info(
      `rates, squared log error: ours ${ours.toFixed(1)}, raw ${error((ad) => (raw[ad]!.n ? raw[ad]!.c / raw[ad]!.n : 0)).toFixed(1)}, one for all ${error(() => everybody).toFixed(1)}`,
    );
    expect(ours).toBeLessThan(error((ad) => (raw[ad]!.n ? raw[ad]!.c / raw[ad]!.n : 0)));
    expect(ours).toBeLessThan(0.7 * error(() => everybody));
  });

  it('draw around their mean, tighter with evidence, the same for the same hash', () => {
    const random = seededRandom(8);
    for (const events of [4, 100]) {
      const estimate = { events, exposure: events / 0.002, impressions: 0 };
      const draws = Array.from({ length: 20_000 }, () => drawRate(estimate, random.nextUint32()));
      const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
      const spread = Math.sqrt(draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length);
      expect(mean / 0.002).toBeCloseTo(1, 1);
      // A gamma's relative spread is one over the root of its shape.
      expect(spread / 0.002).toBeCloseTo(1 / Math.sqrt(events), 1);
      expect(drawRate(estimate, 12345)).toBe(drawRate(estimate, 12345));
    }
  });
});

describe('the value of an impression', () => {
  it('is the bid for CPM, and the target times the rate for CPC and CPA, never above the highest CPM', () => {
    const evidence = createEvidence(64);
    const settled: Offer = { ...offer, exploration: false };
    expect(valueNanos(evidence, { ...settled, goal: { type: 'cpm', bidCpmMicros: 2_500_000 } }, 1, 0)).toBe(2_500_000);
    // 0.50 a click at one click in a thousand: 0.50 CPM.
    expect(valueNanos(evidence, settled, 1, 0)).toBe(500_000);
    expect(valueNanos(evidence, { ...settled, goal: { ...cpc, maxCpmMicros: 300_000 } }, 1, 0)).toBe(300_000);
    const cpa: Goal = { type: 'cpa', targetMicros: 20_000_000, maxCpmMicros: 5_000_000, conversionType: '' };
    expect(valueNanos(evidence, { ...settled, goal: cpa }, 1, 0)).toBe(400_000);
    expect(valueNanos(evidence, offer, 1, 0)).toBe(750_000);
  });

  it('is an integer of at least one nano whatever was seen', () => {
    const evidence = createEvidence(16);
    learn(evidence, 'impressions', 1, 1, 3, 50_000);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 ** 12 }), fc.integer({ min: 1, max: 10 ** 12 }), (target, most) => {
        const value = valueNanos(
          evidence,
          { ...offer, goal: { ...cpc, targetMicros: target, maxCpmMicros: most } },
          1,
          3,
        );
        expect(Number.isSafeInteger(value) && value >= 1 && value <= most).toBe(true);
      }),
    );
  });

  it('boosts a new ad and stops after its first thousand impressions', () => {
    expect([0, 500, 1000, 5000].map(newAdBoost)).toEqual([1.5, 1.25, 1, 1]);
  });
});

/** A line item that has one known creative and gets a new one: which share of impressions does the new one get? */
function introduce(newRate: number, seed: number): { firstThousandTook: number; lateShare: number } {
  const random = seededRandom(seed);
  const evidence = createEvidence(64);
  learn(evidence, 'impressions', 1, 1, 0, 50_000);
  learn(evidence, 'clicks', 1, 1, 0, 100);
  const rates: Record<number, number> = { 1: 0.002, 2: newRate };
  let [shown, firstThousandTook, late] = [0, 0, 0];
  const auctions = 60_000;
  for (let i = 0; i < auctions; i++) {
    const merit = (creative: number): number => creativeMerit(evidence, offer, creative, random.nextUint32());
    const creative = merit(2) > merit(1) ? 2 : 1;
    if (creative === 2) {
      if (++shown === 1000) firstThousandTook = i + 1;
      if (i >= auctions * 0.75) late++;
    }
    learn(evidence, 'impressions', 1, creative);
    if (random.next() < rates[creative]!) learn(evidence, 'clicks', 1, creative);
  }
  return { firstThousandTook: firstThousandTook || auctions, lateShare: late / (auctions * 0.25) };
}

describe('a new ad', () => {
  it('gets a fair test, then what its rate deserves', () => {
    const seeds = [1, 2, 3, 4, 5];
    const average = (newRate: number) => {
      const runs = seeds.map((seed) => introduce(newRate, seed));
      const mean = (of: (run: (typeof runs)[number]) => number) =>
        runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
      return { took: mean((run) => run.firstThousandTook), late: mean((run) => run.lateShare) };
    };
    const [bad, good] = [average(0.0004), average(0.006)];
    console.info(
      `new ad among one known (0.2 %): first 1,000 impressions took ${bad.took} (0.04 %) and ${good.took} (0.6 %) ` +
        `auctions; share at the end ${bad.late.toFixed(3)} and ${good.late.toFixed(3)}`,
    );
    expect(bad.took).toBeLessThan(6000);
    expect(good.took).toBeLessThan(4000);
    expect(bad.late).toBeLessThan(0.15);
    expect(good.late).toBeGreaterThan(0.85);
  });
});
