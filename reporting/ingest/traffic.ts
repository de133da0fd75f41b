import { isbot } from 'isbot';
import type { LoggedEvent } from '../../core/event.ts';
import type { BidToken } from '../../core/token.ts';
import type { CountryOf } from './countries.ts';
import type { TrafficScorer } from './decide.ts';

/** Why traffic is not believed. What is refused is stored, marked and reported, never billed. */
export const trafficReasons = {
  bot: 'The user agent names a known robot or a tool.',
  datacenter_agent: 'The user agent is on the operator’s list.',
  click_without_impression: 'A click of an ad that was never shown.',
  fast_click: 'The click came faster after the impression than a person can click.',
  too_many_clicks: 'Too many clicks on one creative by one user, or one address and browser, in a window.',
  geo_mismatch: 'The beacon came from another country than the bid request said.',
  device_mismatch: 'The beacon came from another operating system than the bid request said.',
  ip_spread: 'The beacons of one bid came from too many addresses.',
} as const;
export type TrafficReason = keyof typeof trafficReasons;

export interface TrafficRules {
  /** More patterns of user agents to refuse; may be replaced while running. Default none. */
  readonly agents?: () => readonly RegExp[];
  /** Where addresses are; may be replaced while running. Default: nobody knows, and no country is compared. */
  readonly countryOf?: () => CountryOf;
  /** Clicks sooner than this after the impression are not human, milliseconds. Default 300. */
  readonly minClickMs?: number;
  /** Clicks allowed per creative and user (or address and browser) in `clickWindowMs`. Default 5. */
  readonly maxClicks?: number;
  /** Default 60,000. */
  readonly clickWindowMs?: number;
  /** Addresses that beacons of one bid may come from. Default 4: a phone changes networks. */
  readonly maxAddresses?: number;
  /** Bids and clickers remembered at once; the oldest are forgotten. Default 100,000. */
  readonly maxRemembered?: number;
}

interface SeenBid {
  impressionMs: number;
  readonly addresses: string[];
}

/** User agents whose verdict is kept. */
const MAX_AGENTS = 5000;

/** Only these come from the user's own browser; win, bill and loss come from the exchange's servers. */
const fromUser: ReadonlySet<string> = new Set(['impression', 'click', 'video']);

/**
 * Judges beacons by general rules (general invalid traffic). Time is the events' own, memory is bounded, and what it
 * remembers is lost at a restart: then it refuses less, never more.
 */
export function createTrafficScorer(rules: TrafficRules = {}): TrafficScorer {
  const { minClickMs = 300, maxClicks = 5, clickWindowMs = 60_000, maxAddresses = 4 } = rules;
  const maxRemembered = rules.maxRemembered ?? 100_000;
  const robots = new Map<string, boolean>();
  const bids = new Map<string, SeenBid>();
  const clickers = new Map<string, { sinceMs: number; clicks: number }>();

  function isRobot(ua: string): boolean {
    let robot = robots.get(ua);
    if (robot === undefined) {
      robot = ua !== '' && isbot(ua);
      remember(robots, ua, robot, MAX_AGENTS);
    }
    return robot;
  }

  function seen(token: BidToken): SeenBid {
    let bid = bids.get(token.bidId);
    if (bid === undefined) {
      bid = { impressionMs: Number.NEGATIVE_INFINITY, addresses: [] };
      remember(bids, token.bidId, bid, maxRemembered);
    }
    return bid;
  }

  function noteAddress({ addresses }: SeenBid, ip: string): void {
    if (ip !== '' && addresses.length <= maxAddresses && !addresses.includes(ip)) addresses.push(ip);
  }

  function tooManyClicks(event: LoggedEvent, token: BidToken): boolean {
    const who = token.user !== '' ? token.user : `${event.ip} ${event.ua}`;
    if (who === ' ') return false;
    const key = `${token.creativeId} ${who}`;
    const clicker = clickers.get(key);
    if (clicker === undefined || event.atMs - clicker.sinceMs > clickWindowMs) {
      remember(clickers, key, { sinceMs: event.atMs, clicks: 1 }, maxRemembered);
      return false;
    }
    clicker.clicks += 1;
    return clicker.clicks > maxClicks;
  }

  return {
    judge(event, token, evidence) {
      if (!fromUser.has(event.type)) return null;
      if (isRobot(event.ua)) return 'bot' satisfies TrafficReason;
      if (rules.agents?.().some((pattern) => pattern.test(event.ua)) === true) return 'datacenter_agent';
      const bid = seen(token);
      if (event.type === 'impression') bid.impressionMs = event.atMs;
      noteAddress(bid, event.ip);
      if (bid.addresses.length > maxAddresses) return 'ip_spread';
      if (contradicts(token.os, event.ua)) return 'device_mismatch';
      if (isElsewhere(event.ip, token.country, rules.countryOf)) return 'geo_mismatch';
      if (event.type !== 'click') return null;
      if (!evidence.shown()) return 'click_without_impression';
      if (event.atMs - bid.impressionMs < minClickMs && event.atMs >= bid.impressionMs) return 'fast_click';
      return tooManyClicks(event, token) ? 'too_many_clicks' : null;
    },
    repeated(event, token) {
      if (fromUser.has(event.type)) noteAddress(seen(token), event.ip);
    },
  };
}

/** Both countries are known and differ. What is not known contradicts nothing. */
function isElsewhere(ip: string, country: string, countryOf: (() => CountryOf) | undefined): boolean {
  if (ip === '' || country === '' || countryOf === undefined) return false;
  const found = countryOf()(ip);
  return found !== '' && found !== country.toUpperCase();
}

const families: readonly (readonly [name: RegExp, agent: RegExp])[] = [
  [/^(ios|ipados|iphone)/, /\b(iPhone|iPad|iPod|CPU OS|Macintosh)\b/],
  [/^android/, /\bAndroid\b|\bLinux\b/],
  [/^windows/, /\bWindows\b/],
  [/^(mac|os x|osx)/, /\bMacintosh\b|\bMac OS X\b/],
];
const anyFamily = /\b(iPhone|iPad|iPod|Android|Windows NT|Macintosh)\b/;

/** Whether a user agent names one operating system and the bid request named another. Silence contradicts nothing. */
function contradicts(os: string, ua: string): boolean {
  const known = families.find(([name]) => name.test(os.toLowerCase()));
  return known !== undefined && anyFamily.test(ua) && !known[1].test(ua);
}

/** Puts an entry, forgetting the oldest one when there are too many. */
function remember<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key);
  if (map.size >= max) {
    const oldest = map.keys().next();
    if (oldest.done === false) map.delete(oldest.value);
  }
  map.set(key, value);
}
