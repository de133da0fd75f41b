import { describe, expect, it } from 'vitest';
import { targetingSchema } from '../../core/targeting.ts';
import { createHarness, START_MS } from './fakes.case.ts';
import { createTrafficBook } from './traffic.ts';

const HOUR_MS = 3_600_000;
const targeting = (terms: object, more: object = {}) => targetingSchema.parse({ terms, ...more });

/** One message of an hour with `n` requests of half as many people: every second from Germany, every fourth on a phone. */
function hour(n: number, level: number, startMs = START_MS) {
  const requests = Array.from({ length: n }, (_, i) => ({
    hash: Math.floor(i / 2) * 2 ** level,
    known: true,
    terms: { country: [i % 4 < 2 ? 'DEU' : 'FRA'], deviceType: [i % 8 < 2 ? '4' : '2'] },
  }));
  return { fromMs: startMs, toMs: startMs + HOUR_MS, traffic: { level, requests } };
}

describe('the estimate of traffic', () => {
  it('counts what matches, each request for as many as it stands, and people once', () => {
    const book = createTrafficBook();
    expect(book.estimate(targeting({}))).toBeNull();
    book.add(hour(400, 3));
    expect(book.estimate(targeting({}))).toMatchObject({ requestsPerDay: 400 * 8 * 24, share: 1, people: 200 * 8 });
    const german = book.estimate(targeting({ country: { include: ['deu'] } }));
    expect(german).toMatchObject({ requestsPerDay: 200 * 8 * 24, share: 0.5, people: 100 * 8, matched: 200 });
    const phones = targeting({ country: { include: ['DEU'] }, deviceType: { exclude: ['2'] } });
    expect(book.estimate(phones)).toMatchObject({ requestsPerDay: 100 * 8 * 24, share: 0.25, people: 50 * 8 });
  });

  it('takes what bidders drew at different levels together', () => {
    const book = createTrafficBook();
    book.add(hour(400, 0));
    book.add(hour(400, 2, START_MS + HOUR_MS));
    const { requestsPerDay = 0, hours } = book.estimate(targeting({}))!;
    expect(hours).toBe(2);
    expect(Math.abs(requestsPerDay / (((400 + 400 * 4) * 24) / 2) - 1)).toBeLessThan(0.05);
  });

  it('forgets what is older than a day, counts open hours, and names what it can not see', () => {
    const book = createTrafficBook();
    book.add(hour(400, 0));
    for (let h = 1; h < 30; h++) book.add(hour(8, 0, START_MS + h * HOUR_MS));
    const all = book.estimate(targeting({}))!;
    expect(all.hours).toBeLessThan(25.3);
    expect(all.requestsPerDay).toBeLessThanOrEqual(8 * 25);
    const slots = [{ days: [1, 2, 3, 4, 5, 6, 7], fromHour: 0, toHour: 6 }];
    const quarter = book.estimate(targeting({}, { dayparting: { slots } }))!;
    expect(quarter.share).toBe(0.25);
    const rules = { size: { include: ['300x250'] }, segment: { include: ['42'] } };
    expect(book.estimate(targeting(rules, { within: [{ lat: 1, lon: 1, km: 1 }] }))).toMatchObject({
      share: 1,
      ignored: ['size', 'segment', 'within'],
    });
  });

  it('is asked by anybody with a key, and refuses what is not a targeting', async () => {
    const traffic = createTrafficBook();
    const api = await createHarness([], { traffic });
    const key = await api.keyFor('read_only', 1);
    const ask = (body: unknown) => api.call('POST', '/api/v1/traffic/estimate', { body, key });
    expect((await ask({ targeting: {} })).json).toMatchObject({ hours: 0, matched: 0 });
    traffic.add(hour(40, 0));
    expect((await ask({ targeting: {} })).json).toMatchObject({ matched: 40, requestsPerDay: 960 });
    expect((await ask({ targeting: { terms: { planet: {} } } })).json.code).toBe('invalid_field');
  });
});
