import { describe, expect, it } from 'vitest';
import { type LoggedEvent, loggedEventSchema } from '../../core/event.ts';
import { type Random, seededRandom } from '../../core/random.ts';
import type { BidToken } from '../../core/token.ts';
import { readCountries } from './countries.ts';
import { createTrafficScorer, type TrafficRules } from './traffic.ts';
import { bidToken } from './truth.case.ts';

const AT_MS = 1_800_000_000_000;
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1';
const PIXEL =
  'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36';
const WINDOWS =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';
const agents: Record<string, string> = { ios: IPHONE, android: PIXEL, windows: WINDOWS };
const token: BidToken = { ...bidToken(seededRandom(1), 1, 1, AT_MS), os: 'iOS', user: '' };
const shown = { shown: () => true };

function event(parts: Partial<LoggedEvent>): LoggedEvent {
  return loggedEventSchema.parse({
    v: 1,
    type: 'click',
    token: 't',
    atMs: AT_MS + 5000,
    ua: IPHONE,
    ip: '192.0.2.1',
    ...parts,
  });
}

describe('invalid traffic', () => {
  const judge = (parts: Partial<LoggedEvent>, bid: Partial<BidToken> = {}, rules: TrafficRules = {}) =>
    createTrafficScorer(rules).judge(event(parts), { ...token, ...bid }, shown);

  it('is what robots and tools send', () => {
    const robots = [
      'Googlebot/2.1 (+http://www.google.com/bot.html)',
      'curl/8.4.0',
      'python-requests/2.31.0',
      'Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)',
      'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36',
    ];
    for (const ua of robots) expect([ua, judge({ ua, type: 'impression' })]).toEqual([ua, 'bot']);
    expect(judge({ ua: robots[0]!, type: 'bill' }), 'exchanges are servers').toBeNull();
    expect(judge({ ua: `${IPHONE} OurOwnCloud` }, {}, { agents: () => [/OurOwnCloud/] })).toBe('datacenter_agent');
  });

  it('is a beacon from another operating system than the bid was for', () => {
    expect(judge({ ua: PIXEL })).toBe('device_mismatch');
    expect(judge({ ua: WINDOWS }, { os: 'Android' })).toBe('device_mismatch');
    expect(judge({ ua: '' })).toBeNull();
    expect(judge({ ua: PIXEL }, { os: '' })).toBeNull();
    expect(judge({ ua: PIXEL }, { os: 'KaiOS' })).toBeNull();
  });

  it('is a beacon from another country than the bid was for, where addresses can be placed', () => {
    const { countryOf } = readCountries('192.0.2.0,192.0.2.255,DE\n198.51.100.0,198.51.100.255,US');
    const placed = (ip: string, country: string, type: LoggedEvent['type'] = 'impression') =>
      judge({ ip, type }, { country }, { countryOf: () => countryOf });
    expect(placed('192.0.2.7', 'DEU')).toBeNull();
    expect(placed('198.51.100.0', 'DEU')).toBe('geo_mismatch');
    expect(placed('198.51.100.0', 'DEU', 'click')).toBe('geo_mismatch');
    expect(placed('198.51.100.0', 'DEU', 'bill'), 'exchanges are elsewhere').toBeNull();
    expect(placed('203.0.113.9', 'DEU'), 'an address nobody knows').toBeNull();
    expect(placed('', 'DEU')).toBeNull();
    expect(placed('192.0.2.7', ''), 'a bid without a country').toBeNull();
    expect(judge({ ip: '198.51.100.0', type: 'impression' }, { country: 'DEU' }), 'no table').toBeNull();
  });

  it('is a click of what was not shown, or faster than a person', () => {
    const scorer = createTrafficScorer();
    expect(scorer.judge(event({}), token, { shown: () => false })).toBe('click_without_impression');
    scorer.judge(event({ type: 'impression', atMs: AT_MS }), token, shown);
    expect(scorer.judge(event({ atMs: AT_MS + 299 }), token, shown)).toBe('fast_click');
    expect(scorer.judge(event({ atMs: AT_MS + 300 }), token, shown)).toBeNull();
  });

  it('is too many clicks by one user on one creative in a minute', () => {
    const scorer = createTrafficScorer();
    const click = (n: number, atMs: number, user = '00000000000000aa') =>
      scorer.judge(event({ atMs }), { ...token, user, bidId: n.toString(16).padStart(24, '0') }, shown);
    expect([1, 2, 3, 4, 5, 6, 7].map((n) => click(n, AT_MS + n * 1000))).toEqual([
      null,
      null,
      null,
      null,
      null,
      'too_many_clicks',
      'too_many_clicks',
    ]);
    expect(click(8, AT_MS + 9000, '00000000000000bb')).toBeNull();
    expect(click(9, AT_MS + 70_000)).toBeNull();
  });

  it('is one bid seen from many addresses', () => {
    const scorer = createTrafficScorer();
    const verdicts = [1, 2, 3, 4, 5].map((n) =>
      scorer.judge(event({ type: 'video', detail: `d${n}`, ip: `192.0.2.${n}` }), token, shown),
    );
    expect(verdicts).toEqual([null, null, null, null, 'ip_spread']);
  });

  it('remembers a bounded number of bids and clickers', () => {
    const scorer = createTrafficScorer({ maxRemembered: 10 });
    scorer.judge(event({ type: 'impression', atMs: AT_MS }), token, shown);
    for (let i = 0; i < 20; i++) {
      scorer.judge(event({ type: 'impression' }), { ...token, bidId: i.toString(16).padStart(24, 'f') }, shown);
    }
    expect(scorer.judge(event({ atMs: AT_MS + 1 }), token, shown), 'forgotten, so not refused').toBeNull();
  });

  it('is seen in less than 0.1 % of clean traffic, with shared addresses, double clicks and changing networks', () => {
    const random = seededRandom(7);
    // Every address is where its bid says: what a table gets wrong is the table's error, not the rule's.
    const { countryOf } = readCountries('100.64.0.0,100.127.255.255,DE\n198.51.100.0,203.255.255.255,DE');
    const scorer = createTrafficScorer({ countryOf: () => countryOf });
    const refused = new Map<string, number>();
    let judged = 0;
    for (let i = 0; i < 60_000; i++) {
      for (const [sent, bid] of person(random, i)) {
        judged += 1;
        const reason = scorer.judge(sent, bid, shown);
        if (reason !== null) refused.set(reason, (refused.get(reason) ?? 0) + 1);
      }
    }
    const count = [...refused.values()].reduce((sum, n) => sum + n, 0);
    console.log(`false positives: ${count} of ${judged} clean beacons`, Object.fromEntries(refused));
    expect(judged).toBeGreaterThan(60_000);
    expect(count / judged).toBeLessThan(0.001);
  });
});

/** What one person who saw an ad sends: an impression, now and then a click or two some seconds later. */
function person(random: Random, i: number): [LoggedEvent, BidToken][] {
  const os = ['ios', 'android', 'windows'][Math.floor(random.next() * 3)]!;
  const atMs = AT_MS + i * 20;
  const user =
    random.next() < 0.6
      ? Math.floor(random.next() * 50_000)
          .toString(16)
          .padStart(16, '0')
      : '';
  const bid: BidToken = {
    ...bidToken(random, 5, i, atMs - 1000),
    os,
    user,
    creativeId: 1 + Math.floor(random.next() * 20),
    country: 'DEU',
  };
  // A tenth of the people are behind 50 carrier addresses; addresses are truncated, as privacy asks.
  const home = Math.floor(random.next() * 65_536);
  const ip = random.next() < 0.1 ? `100.64.${Math.floor(random.next() * 50)}.0` : `203.${home >> 8}.${home & 255}.0`;
  const sent: [LoggedEvent, BidToken][] = [[event({ type: 'impression', atMs, ip, ua: agents[os]! }), bid]];
  if (random.next() < 0.03) {
    // Reaction times: hardly anybody is under half a second.
    const clickMs = atMs + 400 + Math.floor(-Math.log(1 - random.next()) * 4000);
    const network = random.next() < 0.05 ? '198.51.100.0' : ip;
    sent.push([event({ type: 'click', atMs: clickMs, ip: network, ua: agents[os]! }), bid]);
  }
  return sent;
}
