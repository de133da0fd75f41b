import { describe, expect, it } from 'vitest';
import { hashWith } from '../auction/hash.ts';
import { termList } from '../match/termlist.ts';
import { DIM, indexDimensions } from '../match/terms.ts';
import { createTrafficSampler, drawnImpression, drawnRequest } from './traffic.ts';

const terms = (country: string, segments: string[] = []) =>
  indexDimensions.map((_, i) => termList(i === DIM.country ? [country] : i === DIM.segment ? segments : []));

const drawn = (hash: number, of: ReturnType<typeof terms>) => drawnRequest(hash, true, of, termList([]));

describe('the traffic sampler', () => {
  it('draws whole users, keeps few, and its level says how many each stands for', () => {
    const sampler = createTrafficSampler(64);
    const users = 2000;
    const perUser = 5;
    let estimated = 0;
    let people = 0;
    let rounds = 0;
    for (let round = 0; round < 40; round++) {
      for (let i = 0; i < users * perUser; i++) {
        const hash = hashWith(round, i % users);
        if (sampler.draws(hash)) sampler.add(drawn(hash, terms(i % 2 === 0 ? 'DEU' : 'FRA')));
      }
      const { level, requests } = sampler.take();
      expect(requests.length).toBeLessThanOrEqual(64);
      if (level === 0) continue;
      rounds++;
      estimated += requests.length * 2 ** level;
      people += new Set(requests.map(({ hash }) => hash)).size * 2 ** level;
      for (const { hash } of requests) expect(hash % 2 ** level).toBe(0);
    }
    expect(rounds).toBe(40);
    expect(estimated / rounds / (users * perUser)).toBeCloseTo(1, 0);
    expect(Math.abs(people / rounds / users - 1)).toBeLessThan(0.2);
  });

  it('draws everything again when there is little traffic', () => {
    const sampler = createTrafficSampler(8);
    for (let i = 0; i < 1000; i++) if (sampler.draws(hashWith(1, i))) sampler.add(drawn(hashWith(1, i), terms('DEU')));
    expect(sampler.take().level).toBeGreaterThan(3);
    for (let i = 0; i < 40; i++) sampler.take();
    sampler.add(drawn(3, terms('DEU')));
    expect(sampler.take()).toMatchObject({ level: 0, requests: [{ hash: 3, terms: { country: ['DEU'] } }] });
  });

  it('keeps audiences apart from segments, and the impressions, whose terms are as those of the request', () => {
    const request = drawnRequest(0, true, terms('DEU', ['42', 'provider:7']), termList(['5', '17']));
    request.impressions.push(drawnImpression(terms('DEU')));
    const sized = indexDimensions.map((_, i) => termList(i === DIM.size ? ['300x250', 'x'.repeat(101)] : []));
    request.impressions.push(drawnImpression(sized));
    expect(request).toEqual({
      hash: 0,
      known: true,
      terms: { country: ['DEU'], segment: ['provider:7'] },
      impressions: [{}, { size: ['300x250'] }],
      audiences: [5, 17],
    });
  });
});
