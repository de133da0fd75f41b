import type { Random } from '../../core/random.ts';

/**
 * The people and pages of the benchmark: what requests are drawn from and what line items aim at. Shares are rounded
 * from what public traffic reports show (a few countries, phones first, two sizes dominate); they only have to be
 * skewed the way real traffic is, so that an index meets long and short lists.
 */
export interface Weighted<T> {
  readonly values: readonly T[];
  /** Running sum of weights, ends at 1. */
  readonly upTo: readonly number[];
}

function weighted<T>(...pairs: readonly (readonly [T, number])[]): Weighted<T> {
  const total = pairs.reduce((sum, [, weight]) => sum + weight, 0);
  let running = 0;
  return {
    values: pairs.map(([value]) => value),
    upTo: pairs.map(([, weight]) => {
      running += weight / total;
      return running;
    }),
  };
}

/** Weights fall as 1 / rank^0.8. */
function zipf(values: readonly string[]): Weighted<string> {
  return weighted(...values.map((value, i) => [value, 1 / (i + 1) ** 0.8] as const));
}

export function draw<T>(from: Weighted<T>, random: Random): T {
  const at = random.next();
  let i = 0;
  while (i < from.upTo.length - 1 && from.upTo[i]! < at) i++;
  return from.values[i]!;
}

/** Up to `count` different values. */
export function drawSome<T>(from: Weighted<T>, count: number, random: Random): T[] {
  const found = new Set<T>();
  for (let i = 0; i < count * 3 && found.size < count; i++) found.add(draw(from, random));
  return [...found];
}

export function chance(share: number, random: Random): boolean {
  return random.next() < share;
}

export function between(low: number, high: number, random: Random): number {
  return low + Math.floor(random.next() * (high - low + 1));
}

export interface Country {
  readonly code: string;
  readonly language: string;
  readonly regions: readonly string[];
  readonly cities: readonly string[];
  readonly lat: number;
  readonly lon: number;
  readonly gdpr: boolean;
}

function country(code: string, language: string, lat: number, lon: number, gdpr = false): Country {
  const letters = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'];
  return {
    code,
    language,
    regions: letters.map((letter) => `${code.slice(0, 2)}-${letter}`),
    cities: letters.map((letter) => `${code.toLowerCase()} city ${letter.toLowerCase()}`),
    lat,
    lon,
    gdpr,
  };
}

/** Where line items are delivered. */
export const countries = weighted<Country>(
  [country('USA', 'en', 40.7, -74), 38],
  [country('GBR', 'en', 51.5, -0.1), 10],
  [country('DEU', 'de', 52.5, 13.4, true), 11],
  [country('FRA', 'fr', 48.9, 2.4, true), 9],
  [country('CAN', 'en', 43.7, -79.4), 7],
  [country('ESP', 'es', 40.4, -3.7, true), 5],
  [country('BRA', 'pt', -23.6, -46.6), 7],
  [country('IND', 'en', 19.1, 72.9), 8],
  [country('JPN', 'ja', 35.7, 139.7), 5],
);
/** Where nobody delivers: their requests find no candidate. */
export const farCountries = weighted<Country>(
  [country('ARG', 'es', -34.6, -58.4), 3],
  [country('EGY', 'ar', 30, 31.2), 2],
  [country('PHL', 'en', 14.6, 121), 2],
);

export interface DeviceKind {
  readonly type: number;
  readonly os: string;
  readonly osv: readonly string[];
  readonly make: string;
  readonly model: string;
  readonly ua: string;
  readonly app: number;
  readonly w: number;
  readonly h: number;
}

const MOBILE = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.122 Mobile Safari/537.36';
const DESKTOP = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';
const IPHONE = 'AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1';

function device(
  type: number,
  os: string,
  osv: readonly string[],
  make: string,
  model: string,
  ua: string,
  app: number,
  w: number,
  h: number,
): DeviceKind {
  return { type, os, osv, make, model, ua, app, w, h };
}

/** `app` is the share of the device's requests that come from apps. */
export const devices = weighted<DeviceKind>(
  [
    device(
      4,
      'Android',
      ['12', '13', '14'],
      'Samsung',
      'SM-S918B',
      `Mozilla/5.0 (Linux; Android 14; SM-S918B) ${MOBILE}`,
      0.6,
      1080,
      2340,
    ),
    30,
  ],
  [
    device(
      4,
      'iOS',
      ['16.7', '17.5'],
      'Apple',
      'iPhone15,3',
      `Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) ${IPHONE}`,
      0.6,
      1290,
      2796,
    ),
    22,
  ],
  [
    device(
      2,
      'Windows',
      ['10', '11'],
      'Microsoft',
      'PC',
      `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${DESKTOP}`,
      0,
      1920,
      1080,
    ),
    28,
  ],
  [
    device(
      2,
      'macOS',
      ['13.6', '14.5'],
      'Apple',
      'Macintosh',
      `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${DESKTOP}`,
      0,
      1728,
      1117,
    ),
    10,
  ],
  [
    device(
      5,
      'Android',
      ['13'],
      'Lenovo',
      'TB350FU',
      `Mozilla/5.0 (Linux; Android 13; TB350FU) ${MOBILE}`,
      0.5,
      1200,
      2000,
    ),
    10,
  ],
);

export const sizes = weighted<readonly [number, number]>(
  [[300, 250], 38],
  [[320, 50], 24],
  [[728, 90], 14],
  [[160, 600], 9],
  [[300, 600], 8],
  [[970, 250], 7],
);

export const categories = zipf(Array.from({ length: 23 }, (_, i) => `IAB${i + 1}`));
export const domains = zipf(Array.from({ length: 400 }, (_, i) => `site-${i + 1}.example`));
export const bundles = zipf(Array.from({ length: 200 }, (_, i) => `com.example.app${i + 1}`));
export const keywords = zipf(
  'news sport football travel recipe car finance phone game music film fashion garden health baby pet school house solar bike'.split(
    ' ',
  ),
);
export const segments = zipf(Array.from({ length: 60 }, (_, i) => `seg-${i + 1}`));
/** The provider of `segments`: a line item names "provider:id". */
export const SEGMENT_PROVIDER = 'dmp.example';
