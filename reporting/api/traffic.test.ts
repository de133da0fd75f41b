import { describe, expect, it } from 'vitest';
import { audienceSchema } from '../../core/audience.ts';
import { targetingSchema } from '../../core/targeting.ts';
import { createHarness, createMemoryAudiences, START_MS } from './fakes.case.ts';
import { createTrafficBook } from './traffic.ts';

const HOUR_MS = 3_600_000;
const targeting = (terms: object, more: object = {}) => targetingSchema.parse({ terms, ...more });

const nobody = () => false;

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
    expect(book.estimate(targeting({}), nobody)).toBeNull();
    book.add(hour(400, 3));
    expect(book.estimate(targeting({}), nobody)).toMatchObject({
      requestsPerDay: 400 * 8 * 24,
      share: 1,
      people: 200 * 8,
    });
    const german = book.estimate(targeting({ country: { include: ['deu'] } }), nobody);
    expect(german).toMatchObject({ requestsPerDay: 200 * 8 * 24, share: 0.5, people: 100 * 8, matched: 200 });
    const phones = targeting({ country: { include: ['DEU'] }, deviceType: { exclude: ['2'] } });
    expect(book.estimate(phones, nobody)).toMatchObject({ requestsPerDay: 100 * 8 * 24, share: 0.25, people: 50 * 8 });
  });

  it('takes what bidders drew at different levels together', () => {
    const book = createTrafficBook();
    book.add(hour(400, 0));
    book.add(hour(400, 2, START_MS + HOUR_MS));
    const { requestsPerDay = 0, hours } = book.estimate(targeting({}), nobody)!;
    expect(hours).toBe(2);
    expect(Math.abs(requestsPerDay / (((400 + 400 * 4) * 24) / 2) - 1)).toBeLessThan(0.05);
  });

  it('forgets what is older than a day, counts open hours, and names what it can not see', () => {
    const book = createTrafficBook();
    book.add(hour(400, 0));
    for (let h = 1; h < 30; h++) book.add(hour(8, 0, START_MS + h * HOUR_MS));
    const all = book.estimate(targeting({}), nobody)!;
    expect(all.hours).toBeLessThan(25.3);
    expect(all.requestsPerDay).toBeLessThanOrEqual(8 * 25);
    const slots = [{ days: [1, 2, 3, 4, 5, 6, 7], fromHour: 0, toHour: 6 }];
    const quarter = book.estimate(targeting({}, { dayparting: { slots } }), nobody)!;
    expect(quarter.share).toBe(0.25);
    const rules = { size: { include: ['300x250'] }, segment: { include: ['42'] } };
    expect(book.estimate(targeting(rules, { within: [{ lat: 1, lon: 1, km: 1 }] }), nobody)).toMatchObject({
      share: 1,
      ignored: ['size', 'segment', 'within'],
    });
  });

  it('looks for one impression that has all an impression must have', () => {
    const book = createTrafficBook();
    const impressions = [
      { size: ['300x250'], position: ['1'], deal: ['gold'], rewarded: ['0'] },
      { size: ['728x90'], position: ['3'], rewarded: ['0'] },
    ];
    const requests = Array.from({ length: 100 }, (_, i) => ({
      hash: i,
      known: true,
      terms: { country: ['DEU'] },
      // One in two offers the first, one in ten nothing that is sold.
      impressions: i % 10 === 9 ? [] : i % 2 === 0 ? impressions : impressions.slice(1),
      audiences: [],
    }));
    book.add({ fromMs: START_MS, toMs: START_MS + HOUR_MS, traffic: { level: 0, requests } });
    const ask = (terms: object) => book.estimate(targeting(terms), nobody);
    const size = { include: ['300x250'] };
    expect(ask({ size })).toMatchObject({ matched: 50, requestsPerDay: 50 * 24, ignored: [] });
    expect(ask({ size, position: { include: ['1'] }, deal: { include: ['gold'] } })).toMatchObject({ matched: 50 });
    expect(ask({ size, position: { include: ['3'] } })).toMatchObject({ matched: 0, ignored: [] });
    expect(ask({ size: { exclude: ['300x250'] }, rewarded: { include: ['0'] } })).toMatchObject({ matched: 90 });
    expect(ask({ country: { exclude: ['DEU'] }, size })).toMatchObject({ matched: 0 });
    // A node of before says nothing of impressions: taken to match, and named.
    book.add({ ...hour(8, 0), fromMs: START_MS + HOUR_MS, toMs: START_MS + 2 * HOUR_MS });
    expect(ask({ size })).toMatchObject({ matched: 58, ignored: ['size'] });
    expect(ask({ zip: { include: ['10115'] } })).toMatchObject({ matched: 108, ignored: ['zip'] });
  });

  it('counts who is in an own audience since it was first met, and names another’s or one never met', () => {
    const book = createTrafficBook();
    const request = (hash: number, audiences: number[]) => ({
      hash,
      known: true,
      terms: {},
      impressions: [],
      audiences,
    });
    const add = (h: number, requests: ReturnType<typeof request>[]) =>
      book.add({ fromMs: START_MS + h * HOUR_MS, toMs: START_MS + (h + 1) * HOUR_MS, traffic: { level: 2, requests } });
    add(
      0,
      Array.from({ length: 20 }, (_, i) => request(i * 4, [])),
    );
    add(
      1,
      Array.from({ length: 20 }, (_, i) => request(i * 4, i % 4 === 0 ? [42, 43] : [43])),
    );
    const ask = (segment: object, own: number[]) => book.estimate(targeting({ segment }), (id) => own.includes(id));
    expect(ask({ include: ['42'] }, [42])).toMatchObject({
      ...{ matched: 5, people: 5 * 4, share: 0.25, hours: 1, requestsPerDay: 5 * 4 * 24, ignored: [] },
    });
    expect(ask({ exclude: ['42'] }, [42])).toMatchObject({ matched: 15, share: 0.75, ignored: [] });
    expect(ask({ include: ['42'] }, [43])).toMatchObject({ matched: 40, share: 1, ignored: ['segment'] });
    expect(ask({ include: ['44'] }, [44])).toMatchObject({ matched: 40, share: 1, ignored: ['segment'] });
    expect(ask({ include: ['42', '44'] }, [42, 44])).toMatchObject({ matched: 5, ignored: ['segment'] });
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

  it('tells nobody of another’s audience, not even that it is there', async () => {
    const traffic = createTrafficBook();
    const audiences = createMemoryAudiences();
    await audiences.save(audienceSchema.parse({ id: 42, advertiserId: 1, name: 'Buyers' }));
    const requests = [0, 1, 2, 3].map((hash) => ({
      hash,
      known: true,
      terms: {},
      impressions: [],
      audiences: hash === 0 ? [42] : [],
    }));
    traffic.add({ fromMs: START_MS, toMs: START_MS + HOUR_MS, traffic: { level: 0, requests } });
    const api = await createHarness([], { traffic, audiences });
    const ask = async (key: string, id: string) => {
      const body = { targeting: { terms: { segment: { include: [id] } } } };
      return (await api.call('POST', '/api/v1/traffic/estimate', { body, key })).json;
    };
    const [own, other] = [await api.keyFor('read_only', 1), await api.keyFor('read_only', 2)];
    expect(await ask(own, '42')).toMatchObject({ matched: 1, ignored: [] });
    expect(await ask(other, '42')).toEqual(await ask(other, '77'));
    expect(await ask(other, '42')).toMatchObject({ matched: 4, ignored: ['segment'] });
  });
});
